package simulator

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
)

func strikeAnswer(ex *exchange, f Fault, _ *answer) {
	header := map[string]string{}
	if f.RetryAfter != "" {
		header["Retry-After"] = f.RetryAfter
	}
	if f.Location != "" {
		header["Location"] = f.Location
	}
	if f.Code == "" {
		ex.begin(f.Status, "", header)
		return
	}
	a := refuse(f.Status, f.Code, "Simulated fault")
	a.header = header
	ex.send(a)
}

func strikeCut(ex *exchange, _ Fault, _ *answer) { ex.cut() }

func strikeSlow(ex *exchange, f Fault, a *answer) {
	ex.wait(f.Delay)
	if a == nil {
		a = refuse(504, documentedCodes[504], "Simulated fault")
	}
	ex.send(a)
}

func strikeTruncated(ex *exchange, _ Fault, _ *answer) {
	ex.begin(200, "application/json", map[string]string{"Content-Length": "64"})
	_, _ = ex.w.Write([]byte(`{"error_code":"`))
}

func strikeHTML(ex *exchange, _ Fault, _ *answer) {
	ex.begin(200, "text/html; charset=utf-8", nil)
	_, _ = ex.w.Write([]byte("<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><h1>Welcome to the guest network</h1></body></html>\n"))
}

func strikeHuge(ex *exchange, _ Fault, _ *answer) {
	ex.begin(200, "application/json", nil)
	_, _ = ex.w.Write([]byte(`{"error_code":"","error_msg":"`))
	chunk := bytes.Repeat([]byte("x"), 1<<20)
	for range 100 {
		if _, err := ex.w.Write(chunk); err != nil {
			return // the client has had enough
		}
	}
	_, _ = ex.w.Write([]byte(`"}`))
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
