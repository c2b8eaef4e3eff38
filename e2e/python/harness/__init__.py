"""What the tests stand on: programs, clients, a wire encoder, an oracle and a proxy."""
