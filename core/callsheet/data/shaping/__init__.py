"""What rows become before a trainer gets them: conversations with a system prompt, and tokens."""
