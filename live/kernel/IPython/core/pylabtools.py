"""What matplotlib asks for when it finds a shell: the event loops of its windows, of which a page has none."""

backend2gui = {}
