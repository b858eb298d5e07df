"""Mapping files and raw CRM records → domain values. Pure: files are read by the shell and handed in as text."""
