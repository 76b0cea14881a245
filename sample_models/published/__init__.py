"""Published models out of installed PyPI packages, as factories: an extra, nothing here is needed by the samples."""
