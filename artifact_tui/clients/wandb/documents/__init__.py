"""The GraphQL that is sent. `<Type.field|text>` marks what a server may lack: see `fields`."""
