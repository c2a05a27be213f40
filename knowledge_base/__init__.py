"""Knowledge bases: documents in, cited passages out. Usable without the bot."""
