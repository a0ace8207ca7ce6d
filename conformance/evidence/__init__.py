"""What happened: exchanges and transcripts, recorded as they pass, secrets removed on the way in."""
