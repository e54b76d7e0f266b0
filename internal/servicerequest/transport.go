package servicerequest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// newTransport makes the one connection pool of a client.
func newTransport(config Config) *http.Transport {
	return &http.Transport{
		Proxy: proxy,
		OnProxyConnectResponse: func(_ context.Context, proxy *url.URL, _ *http.Request, resp *http.Response) error {
			if resp.StatusCode != http.StatusOK {
				return &ProxyError{Host: proxy.Host, Status: resp.StatusCode}
			}
			return nil
		},
		DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSClientConfig: &tls.Config{
			MinVersion: tls.VersionTLS12,
			RootCAs:    config.RootCAs,
			//nolint:gosec // The user asked for it, and is warned.
			InsecureSkipVerify: config.Insecure,
		},
		TLSHandshakeTimeout: 10 * time.Second,
		ForceAttemptHTTP2:   true,
		// The default keeps 2 idle connections to a host: with more parallel
		// resources than that, most requests would dial again.
		MaxIdleConns:        256,
		MaxIdleConnsPerHost: 256,
		// Shorter than a load balancer's timeout. Otherwise the server could close
		// an idle connection just as a message is written to it.
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableCompression:     true,
		// Pings find a dead HTTP/2 connection, on which every later request would fail.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second},
	}
}

// ProxyError reports that a proxy did not connect to the server, so that nothing was sent.
type ProxyError struct {
	Host   string // of the proxy, with its port
	Status int    // of its answer to CONNECT
}

func (e *ProxyError) Error() string {
	return fmt.Sprintf("the proxy %s answered CONNECT with HTTP %d", e.Host, e.Status)
}

// localKey marks the context of a request that no proxy may see.
type localKey struct{}

func proxy(req *http.Request) (*url.URL, error) {
	if req.Context().Value(localKey{}) != nil {
		return nil, nil //nolint:nilnil // that is how a transport is told to use none
	}
	return http.ProxyFromEnvironment(req)
}

// ParseEndpoint reads a base URL for the service or an issuer of credentials: absolute, https,
// with an optional path and nothing else. Plain http would expose the
// credentials, so it is accepted for loopback hosts only. A trailing slash is
// dropped.
func ParseEndpoint(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		// The parser's error repeats the URL, which may hold a password.
		return nil, errors.New("is not a valid URL")
	}
	switch {
	case u.User != nil:
		return nil, errors.New("must not contain a user name or password")
	case u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		return nil, errors.New("must be an absolute https URL, such as https://osm.ap-southeast-3.myhuaweicloud.com")
	case u.RawQuery != "" || u.ForceQuery:
		return nil, errors.New("must not contain a query")
	case u.Fragment != "" || strings.Contains(s, "#"):
		return nil, errors.New("must not contain a fragment")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return nil, fmt.Errorf("must use https: plain http to %s would expose the credentials (http is accepted for loopback hosts only)", u.Hostname())
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = strings.TrimRight(u.RawPath, "/")
	return u, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
