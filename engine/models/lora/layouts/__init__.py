"""File formats of LoRAs, a file each."""
