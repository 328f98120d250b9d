"""Text as a language model meets it: sequences of token ids."""
