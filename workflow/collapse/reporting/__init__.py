"""What the report says: tables in, plain values out, ready to be laid out by the template."""
