"""HTTP: the calls of the service through httpx, and signed URLs through libcurl or httpx.

The only folder that imports httpx or pycurl. It knows nothing of files, journals or exports.
"""
