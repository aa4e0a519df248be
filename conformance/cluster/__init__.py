"""A live cluster, read only: connection, discovery, raw pages, snapshots. It judges nothing and changes nothing."""
