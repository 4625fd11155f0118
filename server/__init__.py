"""The shop's HTTP/1.1 server: `python -m server api.wsgi:app`.

One event loop in each process reads requests and writes answers; threads run the WSGI app. A thread is taken only
for a request that is whole, so a client that sends slowly, breaks off or never reads its answer holds a few kilobytes
and no thread.

    listening    the socket: our own, or one that the supervisor holds
    workers      the processes that share it
    loop         one such process: accept, check all connections twice a second, drain
    connection   one client: its requests in turn, and its time limits
    requests     bytes to whole requests (httptools: Node's llhttp); what two parsers might read differently is refused
    turns        which request gets a thread next
    sending      bytes to a client, and whether it reads them
    answers      a request through the app, in a thread
    crowd        all connections by address; which one is closed when there are too many
"""
