"""Tests of what is said of an export afterwards."""
