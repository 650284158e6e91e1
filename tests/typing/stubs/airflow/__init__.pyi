# What docs/recipes/airflow.md and docs/steps.md use of Airflow 3, which is too large to install for its types.
