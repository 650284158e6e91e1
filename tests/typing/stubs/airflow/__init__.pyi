# What docs/recipes/airflow.md uses of Airflow 3, which is too large to install for its types.
