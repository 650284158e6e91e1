"""What is in the packages: an index, data cubes, previews; needs the extra `geo`.

    from pixxel_async import geo

    print(geo.index("packages").catalog)

Modules are imported on first use: names, headers, footprints and flags are read without GDAL.
"""

TYPE_CHECKING = False
"""As in `typing`, without importing it."""

if TYPE_CHECKING:
    from .catalog import IndexFiles as IndexFiles
    from .catalog import index as index
    from .cube import open_export as open_export
    from .cube import open_package as open  # noqa: A004 - as in xarray and rasterio
    from .extra import ContentWarning as ContentWarning
    from .previews import preview as preview

__all__ = ["ContentWarning", "IndexFiles", "index", "open", "open_export", "preview"]

if not TYPE_CHECKING:
    _MODULE_OF = {
        "ContentWarning": ("extra", "ContentWarning"),
        "IndexFiles": ("catalog", "IndexFiles"),
        "index": ("catalog", "index"),
        "open": ("cube", "open_package"),
        "open_export": ("cube", "open_export"),
        "preview": ("previews", "preview"),
    }

    def __getattr__(name: str) -> object:
        """Import a public name."""
        from importlib import import_module  # noqa: PLC0415 - see above

        if name not in _MODULE_OF:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        module, attribute = _MODULE_OF[name]
        from .extra import extra_needed  # noqa: PLC0415 - see above

        with extra_needed():
            return getattr(import_module(f"{__name__}.{module}"), attribute)
