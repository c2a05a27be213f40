"""Telegram: long polling in; messages, edits and drafts out."""
