package simulator

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
)

// hijack takes the connection from net/http and writes the head of an answer,
// without a length of the body. The caller closes the connection. If the connection
// cannot be taken, as with HTTP/2, the request is cut.
func (ex *exchange) hijack(status int, contentType string, header map[string]string) net.Conn {
	conn, out, err := http.NewResponseController(ex.w).Hijack()
	if err != nil {
		ex.cut()
	}
	ex.setHead(status, contentType, header)
	// An error is the client's leaving.
	_, _ = fmt.Fprintf(out, "HTTP/1.1 %d %s\r\n", status, http.StatusText(status))
	_ = ex.w.Header().Write(out)
	_, _ = out.WriteString("\r\n")
	_ = out.Flush()
	return conn
}

// strikeUnbounded answers with an empty body that only the end of the
// connection ends.
func strikeUnbounded(ex *exchange, _ Fault, _ *answer) {
	conn := ex.hijack(http.StatusOK, "application/json", map[string]string{"Connection": "close"})
	_ = conn.Close()
}

// strikeSwitch switches to a protocol in which neither side sends anything. It ends
// when the client or the server closes the connection.
func strikeSwitch(ex *exchange, _ Fault, _ *answer) {
	conn := ex.hijack(http.StatusSwitchingProtocols, "", map[string]string{"Connection": "Upgrade", "Upgrade": "silence"})
	defer conn.Close()                                                     //nolint:errcheck // nothing left to lose
	defer context.AfterFunc(ex.r.Context(), func() { _ = conn.Close() })() // net/http no longer watches the connection itself
	_, _ = io.Copy(io.Discard, conn)
}
