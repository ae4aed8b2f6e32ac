"""What the pages share: the frame, the answers, the words and the look."""
