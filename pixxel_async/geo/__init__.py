"""What is in the packages: an index, data cubes, previews; needs the extra `geo`.

    from pixxel_async import geo

    print(geo.index("packages").catalog)

Modules are imported on first use: names, headers, footprints and flags are read without GDAL.
"""

TYPE_CHECKING = False
"""As in `typing`, without importing it."""

if TYPE_CHECKING:
    from .cube import open_export as open_export
    from .cube import open_package as open
    from .extra import ContentWarning as ContentWarning
    from .index import IndexFiles as IndexFiles
    from .index import index as index

__all__ = ["ContentWarning", "IndexFiles", "index", "open", "open_export"]
