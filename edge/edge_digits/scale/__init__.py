"""Pictures by the million: read on one machine or a cluster, into Parquet files that a restart completes."""
