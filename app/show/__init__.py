"""What the tabs show: tables, charts, thumbnails. Nothing here listens to a button."""
