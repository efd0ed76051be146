"""The staff's page of mails. Importing its module registers it."""

from customers.admin import mail as mail
