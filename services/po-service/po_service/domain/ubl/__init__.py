"""UBL 2.1 as Peppol BIS 3 writes it: raw bytes in, frozen values out, or a refusal with its XPath."""
