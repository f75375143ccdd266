"""The places for revisions: the Hugging Face Hub, or a local folder."""
