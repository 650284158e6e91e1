"""The verbs of areas of interest and of what is computed for them."""

from __future__ import annotations

from ..options.fields import (
    area,
    choice,
    choices,
    count,
    json_file,
    json_value,
    number,
    one_id,
    output_file,
    pairs,
    text,
    texts,
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
    "blocks": {
        "list": Verb(
            operation="listBlocks",
            call="blocks.list",
            help="List blocks.",
            fields=(choice("mode", "--mode", "What they are for.", "insight|workflow"),),
            yields=True,
            example="--mode insight",
        ),
        "versions": Verb(
            operation="listBlockVersions",
            call="blocks.list_versions",
            help="List the versions of a block.",
            ids=("name",),
            yields=True,
        ),
        "get": Verb(
            operation="getBlockVersion",
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
                text("description", "--description", "What it shows."),
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
            help="Recompute the legend of a visualization, without changes made by metadata.",
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
            fields=(
                _INDEX,
                text("date", "--date", _DATE, metavar="DATE", needed=True),
                _MODE,
                output_file("output", "--output", "The file; one that is there is replaced."),
            ),
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
                choices("visualization_modes", "--mode", "A legend.", _MODES, needed=True),
            ),
            columns="styles",
            example="--date 2024_05_06 --mode dynamic",
        ),
    },
}
