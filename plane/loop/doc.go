// Package loop is one epoll loop on one thread: sockets, timers and work that
// other goroutines hand over. A Handler is told what happens on its connection
// and writes into buffers; once a turn, after all that was ready has been read,
// the loop writes what gathered: to dialled connections first, then to accepted
// ones, so that one system call carries the work of many. It knows no protocol,
// starts no goroutine but one for each name it must resolve, and nothing of it
// but Post, Do and Stop may be called from another goroutine. Open handler.go
// first, then loop.go.
package loop
