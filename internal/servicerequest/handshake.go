package servicerequest

import (
	"errors"
	"net"
	"reflect"
)

// handshakeError reports that the server ended the TLS handshake with an alert.
type handshakeError struct{ err error }

func (e *handshakeError) Error() string { return e.err.Error() }
func (e *handshakeError) Unwrap() error { return e.err }

// IsHandshakeRefused reports whether a server refused the TLS handshake, for example
// because it wants a client certificate. With TLS 1.3 the client learns this only
// after it has written its request. But the server cannot decrypt the
// request before the handshake is complete, so it has not executed it.
func IsHandshakeRefused(err error) bool {
	return errors.As(err, new(*handshakeError))
}

// handshakeAlerts are the alerts of RFC 8446 that only a handshake ends with. A server
// may send internal_error (80) or decode_error (50) at any time later.
var handshakeAlerts = map[uint64]bool{
	40: true,                                                                       // handshake_failure
	42: true, 43: true, 44: true, 45: true, 46: true, 47: true, 48: true, 49: true, // about certificates and parameters
	70: true, 71: true, // protocol_version, insufficient_security
	109: true, 110: true, 111: true, 112: true, 113: true, 114: true, 115: true, 116: true, // about extensions; certificate_required
	120: true, // no_application_protocol
}

// isHandshakeAlert reports whether err is an alert from the server that only a
// handshake ends with. The type of crypto/tls for alerts is not exported, so
// the number is read by its kind. Its text is not compared: it is no promise of Go's.
func isHandshakeAlert(err error) bool {
	for {
		var remote *net.OpError
		if !errors.As(err, &remote) {
			return false
		}
		if v := reflect.ValueOf(remote.Err); remote.Op == "remote error" && v.Kind() == reflect.Uint8 {
			return handshakeAlerts[v.Uint()]
		}
		err = remote.Err // an error of the dialer or a proxy may wrap another
	}
}
