raise RuntimeError("this must not run")
