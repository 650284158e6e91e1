# What the pages use of Airflow 3, which is too large to install for its types.
