"""The verbs of each noun that are one call of the service."""

from __future__ import annotations

from ..options.fields import (
    Parts,
    area,
    bounds,
    captured,
    choice,
    count,
    json_file,
    json_value,
    number,
    one_id,
    output_file,
    pairs,
    ranges,
    sorting,
    sources,
    text,
    texts,
    time,
    whole_numbers,
)
from .verbs import Change, Verb

_INSIGHT = (
    text("block", "--block", "The block that runs.", at="block.name", needed=True),
    text("version", "--version", "The version of the block.", at="block.version", needed=True),
    json_value(
        "inputs",
        "--inputs",
        "The inputs of the block, as a JSON array.",
        at="input",
        needed=True,
    ),
    text("name", "--name", "A title."),
    one_id("project_id", "--project", "The project."),
    pairs("metadata", "--metadata", "A text of your own."),
)
_PROJECT = one_id("project_id", "--project", "Its project.", needed=True)
_ORDER = (
    one_id("project_id", "--project", "The project.", needed=True),
    text("usecase", "--usecase", "What it is for, such as agriculture.", needed=True),
    area("geometry", "--geometry", "Its area, polygons.", needed=True),
    text("name", "--name", "A name of at most 100 characters."),
    texts("item_ids", "--item", "An image of the archive; without it, the item is a tasking."),
    choice(
        "recurrence",
        "--recurrence",
        "How often a tasking recurs.",
        "ONCE|MONTHLY|BIMONTHLY|QUARTERLY|NOT_APPLICABLE",
    ),
    time("start_date", "--start", "The first day of a tasking."),
    time("end_date", "--end", "The day after its last one."),
    count("no_of_occurrences", "--occurrences", "How often it recurs, in place of --end."),
    count("cloud_cover", "--cloud-cover", "The most clouds, in percent."),
    count("off_nadir", "--off-nadir", "The greatest angle from the vertical, in degrees."),
    one_id("bandset_id", "--bandset", "Its bands: see bandsets list.", at="bandset.bandset_id"),
    choice("delivery_speed", "--delivery-speed", "How fast.", "STANDARD|NOT_APPLICABLE"),
    one_id("store_id", "--store", "Deliver to this store.", at="cloud_delivery.config"),
    text("store_path", "--path", "The path in the store.", at="cloud_delivery.path"),
)
_ORDER_EXAMPLE = (
    "--project PROJECT_ID --usecase agriculture --geometry field-7.geojson --item ITEM_ID"
)
_INDEX = one_id("index_id", "--index", "The index: see indices list.", needed=True)
_MODES = "dynamic|theoretical"
_MODE = choice("visualization_mode", "--mode", "The legend.", _MODES, needed=True)
_DATE = "A day, such as 2024_05_06."
_EXPRESSION_TYPES = "composite|index|grayscale"

VERBS: dict[str, dict[str, Verb]] = {
    "projects": {
        "get": Verb(
            operation="GetProjectById",
            call="projects.get",
            help="Show one project.",
            ids=("project_id",),
        ),
    },
    "aois": {
        "get": Verb(
            operation="GetAoiById",
            call="aois.get",
            help="Show one area of interest.",
            ids=("aoi_id",),
        ),
        "create": Verb(
            operation="AOICreateAOI",
            call="aois.create",
            help="Create an area of interest from images.",
            fields=(
                text("name", "--name", "A name that no other AOI has.", needed=True),
                _PROJECT,
                one_id("satellite_id", "--satellite", "The satellite.", needed=True),
                text(
                    "provider",
                    "--provider",
                    "pixxel, or planetary for open data such as Landsat and Sentinel.",
                    needed=True,
                ),
                area("geometry", "--geometry", "Its boundary, a polygon.", needed=True),
                texts("item_ids", "--item", "An image of the area.", needed=True),
                text("description", "--description", "Its purpose."),
            ),
            has_body=True,
            example="--name 'Field 7' --project PROJECT_ID --satellite SATELLITE_ID "
            "--provider pixxel --geometry field-7.geojson --item ITEM_ID",
            change=Change(done="created", look="aois list --project {project_id}"),
        ),
    },
    "insights": {
        "estimate": Verb(
            operation="createInsights",
            call="insights.estimate",
            help="Show what an insight would cost; this spends nothing.",
            ids=("aoi_id",),
            fields=_INSIGHT,
            has_body=True,
            columns="estimates",
            example="--block ndvi --version 1.0.0 --inputs '[1]'",
        ),
        "create": Verb(
            operation="createInsights",
            call="insights.create",
            help="Run a block on an area of interest. This spends tokens.",
            ids=("aoi_id",),
            fields=_INSIGHT,
            has_body=True,
            example="--block ndvi --version 1.0.0 --inputs '[1]'",
            change=Change(
                done="created",
                look="insights list --aoi {aoi_id}",
                asks=True,
                estimate="insights.estimate",
            ),
        ),
        "delete": Verb(
            operation="deleteInsights",
            call="insights.delete",
            help="Delete an insight; it cannot be restored.",
            ids=("aoi_id", "insight_id"),
            fields=(_PROJECT,),
            example="--project PROJECT_ID",
            change=Change(done="deleted", look="insights list --aoi {aoi_id}", asks=True),
        ),
    },
    "workflows": {
        "get": Verb(
            operation="getWorkflowsById",
            call="workflows.get",
            help="Show one workflow.",
            ids=("workflow_id",),
            fields=(_PROJECT,),
            example="--project PROJECT_ID",
        ),
        "estimate": Verb(
            operation="getWorkflowCostEstimate",
            call="workflows.estimate",
            help="Show what a job of a workflow would cost; this spends nothing.",
            ids=("workflow_id",),
            columns="estimates",
        ),
    },
    "jobs": {
        "get": Verb(
            operation="getJobById",
            call="jobs.get",
            help="Show one job; --json has its tasks.",
            ids=("workflow_id", "job_id"),
        ),
        "create": Verb(
            operation="createJob",
            call="jobs.create",
            help="Run a workflow: create a job. This spends tokens.",
            ids=("workflow_id",),
            fields=(_PROJECT,),
            example="--project PROJECT_ID",
            change=Change(
                done="created",
                look="jobs list --workflow {workflow_id}",
                asks=True,
                estimate="workflows.estimate",
                estimate_takes=("workflow_id",),
            ),
        ),
    },
    "catalogs": {
        "get": Verb(
            operation="GetCatalogById",
            call="catalogs.get",
            help="Show one image.",
            ids=("catalog_id",),
        ),
        "deliveries": Verb(
            operation="ListDeliveries",
            call="catalogs.list_deliveries",
            help="List deliveries of images to stores.",
            fields=(
                one_id("delivery_id", "--delivery", "This delivery."),
                one_id("catalog_id", "--catalog", "Deliveries of this image."),
                one_id("task_id", "--task", "Deliveries of this task."),
                one_id("order_item_id", "--order-item", "Deliveries of this order item."),
            ),
            yields=True,
            columns="deliveries",
            example="--catalog CATALOG_ID",
        ),
        "deliver": Verb(
            operation="CreateDelivery",
            call="catalogs.create_deliveries",
            help="Deliver images to a store of yours; the traffic may cost.",
            fields=(
                one_id(
                    "store_id",
                    "--store",
                    "The store: see stores list.",
                    at="cloud_info.config",
                    needed=True,
                ),
                text("path", "--path", "A prefix in the store.", at="cloud_info.path"),
                texts("catalog_ids", "--catalog", "An image; give these or --order-item."),
                texts("order_item_ids", "--order-item", "An order item, with all its images."),
            ),
            parts=Parts("deliveries", "deliveries"),
            has_body=True,
            columns="deliveries",
            example="--store STORE_ID --catalog CATALOG_ID --catalog CATALOG_ID",
            change=Change(done="created", look="catalogs deliveries"),
        ),
    },
    "orders": {
        "get": Verb(
            operation="GetOrderById",
            call="orders.get",
            help="Show one order; --json has its items.",
            ids=("order_id",),
        ),
        "estimate": Verb(
            operation="SubmitOrder",
            call="orders.estimate",
            help="Show what an order would cost; this orders and spends nothing.",
            fields=_ORDER,
            parts=Parts("order_items", "order_items"),
            has_body=True,
            columns="estimates",
            example=_ORDER_EXAMPLE,
        ),
        "create": Verb(
            operation="SubmitOrder",
            call="orders.create",
            help="Order images of the archive, or a tasking; several items by --body. This costs "
            "money.",
            fields=_ORDER,
            parts=Parts("order_items", "order_items"),
            has_body=True,
            example=_ORDER_EXAMPLE,
            change=Change(
                done="created", look="orders list", asks=True, estimate="orders.estimate"
            ),
        ),
    },
    "order-items": {
        "get": Verb(
            operation="GetOrderItemById",
            call="order_items.get",
            help="Show one order item.",
            ids=("order_item_id",),
        ),
    },
    "blocks": {
        "list": Verb(
            operation="ListBlocks",
            call="blocks.list",
            help="List blocks.",
            fields=(choice("mode", "--mode", "What they are for.", "insight|workflow"),),
            yields=True,
            example="--mode insight",
        ),
        "versions": Verb(
            operation="ListBlockVersions",
            call="blocks.list_versions",
            help="List the versions of a block.",
            ids=("name",),
            yields=True,
        ),
        "get": Verb(
            operation="GetBlockVersion",
            call="blocks.get",
            help="Show one version of a block; --json has its inputs and outputs.",
            ids=("name", "version"),
        ),
    },
    "indices": {
        "list": Verb(
            operation="ListIndices",
            call="indices.list",
            help="List indices.",
            fields=(
                one_id("satellite_id", "--satellite", "Indices of this satellite."),
                choice("index_type", "--type", "Their type.", "custom|preset", at="type"),
                choice(
                    "expression_type", "--expression-type", "What they make.", _EXPRESSION_TYPES
                ),
                one_id("index_id", "--index", "This index."),
            ),
            yields=True,
            example="--type preset",
        ),
        "create": Verb(
            operation="CreateIndex",
            call="indices.create",
            help="Create an index of your own.",
            fields=(
                text("name", "--name", "The name.", needed=True),
                text(
                    "expression",
                    "--expression",
                    "The formula, with the names of bands.",
                    needed=True,
                ),
                choice(
                    "expression_type",
                    "--expression-type",
                    "What it makes.",
                    _EXPRESSION_TYPES,
                    needed=True,
                ),
                one_id("satellite_id", "--satellite", "The satellite.", needed=True),
                text("colormap", "--colormap", "The name of its colours.", needed=True),
                whole_numbers("rescale", "--rescale", "The values for display.", needed=True),
                text("description", "--description", "What it tells."),
            ),
            has_body=True,
            example="--name NDVI --expression '(B08-B04)/(B08+B04)' --expression-type index "
            "--satellite SATELLITE_ID --colormap rplumbho --rescale 0,1",
            change=Change(done="created", look="indices list --satellite {satellite_id}"),
        ),
    },
    "visualizations": {
        "list": Verb(
            operation="ListVisualizations",
            call="visualizations.list",
            help="List the visualizations of an area of interest.",
            fields=(
                one_id("aoi_id", "--aoi", "The area of interest.", needed=True),
                one_id("index_id", "--index", "Visualizations of this index."),
                text("visualization_type", "--type", "Their type.", at="type"),
                choice(
                    "expression_type", "--expression-type", "What they show.", _EXPRESSION_TYPES
                ),
                one_id("visualization_id", "--visualization", "This visualization."),
                one_id("user_id", "--user", "Visualizations that this user created."),
            ),
            yields=True,
            example="--aoi AOI_ID",
        ),
        "create": Verb(
            operation="CreateVisualization",
            call="visualizations.create",
            help="Compute an index for an area of interest.",
            ids=("aoi_id",),
            fields=(
                _INDEX,
                texts("src_asset_ids", "--asset", "An asset that it is computed from."),
                number("resolution", "--resolution", "In place of the satellite's own."),
            ),
            has_body=True,
            example="--index INDEX_ID",
            change=Change(done="created", look="visualizations list --aoi {aoi_id}"),
        ),
        "metadata": Verb(
            operation="UpdateVisualizationMetadata",
            call="visualizations.update_metadata",
            help="Change the legend of a visualization.",
            ids=("aoi_id", "visualization_id"),
            fields=(
                _MODE,
                json_file(
                    "legend", "--legend", "The steps by date, as a JSON object.", needed=True
                ),
                count("dynamic_bins", "--bins", "Steps of equal size; for the mode dynamic."),
            ),
            has_body=True,
            columns="metadata",
            example="--mode theoretical --legend legend.json",
            change=Change(done="changed", look="visualizations list --aoi {aoi_id} --json"),
        ),
        "rollback": Verb(
            operation="RollbackVisualizationMetadata",
            call="visualizations.rollback_metadata",
            help="Compute the legend of a visualization anew; this discards what metadata has set.",
            ids=("aoi_id", "visualization_id"),
            fields=(_INDEX, texts("dates", "--date", _DATE, metavar="DATE", needed=True), _MODE),
            has_body=True,
            example="--index INDEX_ID --date 2024_05_06 --mode dynamic",
            change=Change(done="changed", look="visualizations list --aoi {aoi_id} --json"),
        ),
        "png": Verb(
            operation="GenerateIndexPng",
            call="visualizations.png",
            help="Save a picture of a visualization, with its legend.",
            ids=("aoi_id", "visualization_id"),
            fields=(_INDEX, text("date", "--date", _DATE, metavar="DATE", needed=True), _MODE),
            saves=True,
            example="--index INDEX_ID --date 2024_05_06 --mode dynamic --output index.png",
        ),
        "sld": Verb(
            operation="GenerateVisualizationSLD",
            call="visualizations.sld",
            help="Write the styles of a visualization for map servers, as JSON with XML inside.",
            ids=("aoi_id", "visualization_id"),
            fields=(
                texts("dates", "--date", _DATE, metavar="DATE", needed=True),
                texts(
                    "visualization_modes",
                    "--mode",
                    "A legend.",
                    metavar=_MODES,
                    needed=True,
                ),
            ),
            columns="styles",
            example="--date 2024_05_06 --mode dynamic",
        ),
    },
    "satellites": {
        "list": Verb(
            operation="ListSatellites",
            call="satellites.list",
            help="List satellites and the collections of their images.",
            yields=True,
        ),
        "search": Verb(
            operation="SearchSatelliteImages",
            call="satellites.search",
            help="Search images of an area for aois create. This costs nothing.",
            fields=(
                time("start_date", "--start", "The first moment.", needed=True),
                time("end_date", "--end", "The last moment.", needed=True),
                sources("satellites", "--source", "A collection of a satellite.", needed=True),
                area("geometry", "--geometry", "The area.", needed=True),
                ranges("filters", "--range", "The range of a property."),
            ),
            has_body=True,
            yields=True,
            columns="archives",
            example="--start 30d --end today --source SATELLITE_ID:sentinel-2-l2a "
            "--geometry field-7.geojson --range eo:cloud_cover=0..20",
        ),
    },
    "archives": {
        "collections": Verb(
            operation="ListCollections",
            call="archives.list_collections",
            help="List the collections of the archive.",
            fields=(texts("ids", "--id", "This collection."),),
            yields=True,
            columns="collections",
        ),
        "collection": Verb(
            operation="GetCollectionById",
            call="archives.get_collection",
            help="Show one collection.",
            ids=("collection_id",),
            columns="collections",
        ),
        "items": Verb(
            operation="ListItemInCollection",
            call="archives.list_items",
            help="List the items of a collection.",
            ids=("collection_id",),
            yields=True,
        ),
        "item": Verb(
            operation="GetCollectionItemById",
            call="archives.get_item",
            help="Show one item; --json writes it as STAC.",
            ids=("collection_id", "item_id"),
        ),
        "search": Verb(
            operation="SearchItemInArchive",
            call="archives.search",
            help="Search items for orders create; --json writes them as STAC. This costs nothing.",
            fields=(
                area("intersects", "--geometry", "Images that intersect this area."),
                captured("datetime", "--captured", "Images taken in this interval."),
                texts("collections", "--collection", "Items of this collection."),
                texts("ids", "--id", "This item."),
                bounds("bbox", "--bbox", "Images that intersect these bounds, in degrees."),
                json_value("query", "--query", "Conditions on properties."),
                sorting("sort_by", "--sort", "What to sort by.", at="sortby"),
            ),
            has_body=True,
            yields=True,
            example="--geometry field-7.geojson --captured 30d/.. "
            """--query '{"cloudcover": {"lt": 10}}'""",
        ),
    },
    "bandsets": {
        "list": Verb(
            operation="ListBandsets",
            call="bandsets.list",
            help="List bandsets.",
            yields=True,
        ),
    },
    "stores": {
        "list": Verb(operation="ListStores", call="stores.list", help="List stores.", yields=True),
        "create": Verb(
            operation="CreateStore",
            call="stores.create",
            help="Create a store; the service gets credentials that may write to your bucket.",
            fields=(
                text("name", "--name", "A name that no other store has.", needed=True),
                choice(
                    "store_type", "--type", "Whose bucket.", "S3|GCS|AZBLOB", at="type", needed=True
                ),
                text("bucket", "--bucket", "The bucket.", at="configs.bucket", needed=True),
                text("region", "--region", "Its region.", at="configs.region", needed=True),
                json_file(
                    "secrets",
                    "--secrets",
                    "The credentials, as a JSON object. For S3: access_key_id, secret_access_key.",
                    needed=True,
                    is_secret=True,
                ),
                text(
                    "path_prefix",
                    "--path-prefix",
                    "Comes before the path of each object.",
                    at="configs.path_prefix",
                ),
                pairs("labels", "--label", "A text of your own."),
            ),
            has_body=True,
            example="--name analysis --type S3 --bucket my-data --region us-east-2 "
            "--secrets secrets.json",
            change=Change(done="created", look="stores list", asks=True),
        ),
        "delete": Verb(
            operation="DeleteStore",
            call="stores.delete",
            help="Delete a store; what it holds stays, and deliveries to it end.",
            ids=("store_id",),
            change=Change(done="deleted", look="stores list", asks=True),
        ),
    },
    "reports": {
        "download": Verb(
            operation="DownloadOrderReport",
            call="reports.save",
            help="Save the report of all orders as CSV.",
            fields=(
                output_file("path", "--output", "The file; one that is there is replaced."),
                text("tz", "--tz", "The time zone of its times, such as Asia/Kolkata."),
            ),
            example="--output orders.csv",
        ),
    },
}
