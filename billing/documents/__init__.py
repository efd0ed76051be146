"""Invoices and credit notes as documents: one frozen object, from which the page, the PDF and the XML are made."""
