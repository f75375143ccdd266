"""What every upload to the Hub of Hugging Face needs: time-outs, a count of commits, errors in words, no secret."""
