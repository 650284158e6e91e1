"""Bulk exporter for the Pixxel API."""
