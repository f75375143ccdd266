"""Where revisions go: the Hugging Face Hub, or a folder that stands in for it."""
