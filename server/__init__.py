"""The shop's HTTP/1.1 server: `python -m server api.wsgi:app`.

One event loop in each process reads requests and writes answers; threads run the WSGI app. A thread is taken only
for a request that is whole, so whoever sends slowly, breaks off or never reads their answer holds a few kilobytes and
no thread.

    listening    the socket: our own, or one that the supervisor holds
    workers      the processes that share it
    loop         one such process: accept, look around twice a second, drain
    connection   one client: whose turn it is, and until when
    requests     bytes to whole requests (httptools: Node's llhttp); what two readers might read differently is refused
    turns        whose request gets a thread next
    sending      what goes out to a client, and whether it is read
    answers      a request through the app, in a thread
    crowd        who is connected, from where; who has to leave when there are too many
"""
