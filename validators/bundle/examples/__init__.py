"""Code that runs a bundled artifact, in each language of its platforms: generated from templates and the manifest."""
