"""Brings quantised programs into the forms that formats' integer kernels are recognised by; one rewrite a file."""
