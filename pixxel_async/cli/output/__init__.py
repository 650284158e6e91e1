"""What commands print: records, findings, summaries, logs, exit codes. Decides nothing."""
