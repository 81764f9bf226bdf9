"""Reports: pages, what is published, and one report beside another."""
