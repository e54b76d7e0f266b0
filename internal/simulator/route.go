package simulator

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// route is one operation of the service: where it is and how it is served.
type route struct {
	op      string
	method  string
	pattern string   // {} is one escaped path segment
	query   []string // parameters it takes
	many    []string // those that may be repeated
	json    bool     // it takes a JSON object as body
	untyped bool     // the body needs no Content-Type
	access  access

	// form gives a refusal the form that the endpoint has. Only the ticket service has
	// none: wireError is its form.
	form func(ex *exchange, status int, e wireError) any

	// handle checks what can be checked without the service's state. It returns a
	// refusal, or a function that carries out the operation, which needs s.mu.
	handle func(*exchange, object) (do func() *answer, refusal *answer)
}

// routes are in order of preference: the literal ones before {}. http.ServeMux does
// not fit: it cleans paths and redirects. The service does neither, and a client
// must escape its path segments.
var routes = []route{
	{op: OpSubmit, method: "POST", pattern: "/v2/servicerequest/cases/{}/message", json: true, handle: (*exchange).submit},
	{op: OpList, method: "GET", pattern: "/v2/servicerequest/cases/{}/messages",
		query: []string{"group_id", "offset", "limit", "trim_osm_rich_text_label"}, handle: (*exchange).list},
	{op: OpStatus, method: "GET", pattern: "/v2/servicerequest/cases/{}/status", handle: (*exchange).status},
	{op: OpDetail, method: "GET", pattern: "/v2/servicerequest/cases/{}", query: []string{"group_id"}, handle: (*exchange).detail},
	// The reference has more parameters. No client here sends them.
	{op: OpCases, method: "GET", pattern: "/v2/servicerequest/cases",
		query: []string{"search_key", "label_id_list", "query_start_time", "query_end_time", "status", "group_id", "offset", "limit"},
		many:  []string{"search_key", "label_id_list"}, handle: (*exchange).searchCases},
	{op: OpUpload, method: "POST", pattern: "/v2/servicerequest/accessorys/json-format-content", json: true, handle: (*exchange).upload},
	{op: OpLimits, method: "GET", pattern: "/v2/servicerequest/accessorys/limits", handle: (*exchange).limits},
	{op: OpDeleteAccessory, method: "DELETE", pattern: "/v2/servicerequest/accessorys/{}", handle: (*exchange).deleteAccessory},

	{op: OpLogin, method: "POST", pattern: "/v3/auth/tokens", json: true, access: noCredentials, form: iamError, handle: (*exchange).login},
	{op: OpDomains, method: "GET", pattern: "/v3/auth/domains", form: iamError, handle: (*exchange).domains},
	{op: OpSecurityTokens, method: "POST", pattern: "/v3.0/OS-CREDENTIAL/securitytokens", json: true, access: signatureOnly, form: iamError, handle: (*exchange).securityTokens},
	{op: OpIDTokenExchange, method: "POST", pattern: "/v3.0/OS-AUTH/id-token/tokens", json: true, access: noCredentials, form: exchangeError, handle: (*exchange).exchangeIDToken},
	{op: OpAssume, method: "POST", pattern: "/v5/agencies/assume", json: true, access: signatureOnly, form: stsError, handle: (*exchange).assume},
	{op: OpAssumeWithOIDC, method: "POST", pattern: "/v5/agencies/assume-with-oidc", json: true, access: noCredentials, form: stsError, handle: (*exchange).assumeWithOIDC},
	{op: OpPodCredentials, method: "POST", pattern: PodCredentialsPath, json: true, untyped: true, access: ownCredentials, form: iamError, handle: (*exchange).podCredentials},
	{op: OpMetadataToken, method: "PUT", pattern: "/meta-data/latest/api/token", access: noCredentials, form: iamError, handle: (*exchange).metadataToken},
	{op: OpMetadataKeys, method: "GET", pattern: "/openstack/latest/securitykey", access: noCredentials, form: iamError, handle: (*exchange).metadataKeys},
	{op: OpIDTokenRequest, method: "GET", pattern: IDTokenRequestPath, query: []string{"api-version", "audience"}, access: ownCredentials, form: iamError, handle: (*exchange).requestIDToken},
}

// match finds the route of a request. A miss is answered like the gateway's
// "no such API", before authentication.
func match(method, path string) (rt route, param string, miss *answer) {
	var allowed []string
	for _, rt := range routes {
		segment, ok := matchPattern(rt.pattern, path)
		if !ok {
			continue
		}
		if rt.method != method {
			allowed = append(allowed, rt.method)
			continue
		}
		param, err := url.PathUnescape(segment)
		if err != nil {
			continue
		}
		return rt, param, nil
	}
	rt = route{op: OpUnknown}
	if allowed == nil {
		return rt, "", refuse(404, "APIGW.0101", "The API does not exist")
	}
	miss = refuse(405, "APIGW.0101", "Method not allowed")
	miss.header = map[string]string{"Allow": strings.Join(allowed, ", ")}
	return rt, "", miss
}

// matchPattern compares an escaped path with a pattern, and returns the escaped
// segment at {}. An empty segment or a dot segment does not match, since an
// intermediary may remove it.
func matchPattern(pattern, path string) (segment string, ok bool) {
	before, after, variable := strings.Cut(pattern, "{}")
	if !variable {
		return "", pattern == path
	}
	rest, ok := strings.CutPrefix(path, before)
	if !ok {
		return "", false
	}
	segment, ok = strings.CutSuffix(rest, after)
	if !ok || strings.Contains(segment, "/") || slices.Contains([]string{"", ".", ".."}, segment) {
		return "", false
	}
	return segment, true
}

// check refuses what is malformed on any route, and then calls the route's handle.
func (ex *exchange) check() (do func() *answer, refusal *answer) {
	rt := ex.route
	if refusal := ex.checkHeaders(rt); refusal != nil {
		return nil, refusal
	}
	if !utf8.ValidString(ex.param) {
		return nil, malformed("Path is not valid UTF-8")
	}
	query, err := url.ParseQuery(ex.r.URL.RawQuery)
	if err != nil {
		return nil, malformed("Malformed query")
	}
	for name, values := range query {
		switch {
		case !slices.Contains(rt.query, name):
			return nil, malformed("Unexpected query parameter")
		case len(values) > 1 && !slices.Contains(rt.many, name):
			return nil, malformed("Repeated query parameter")
		case !utf8.ValidString(strings.Join(values, "")):
			return nil, malformed("Query is not valid UTF-8")
		}
	}
	ex.query = query

	var body object
	if rt.json {
		if body, refusal = parseObject(ex.body); refusal != nil {
			return nil, refusal
		}
	} else if len(ex.body) > 0 {
		return nil, malformed("Unexpected body")
	}
	switch {
	case !between(ex.param, 0, 64):
		return nil, outOfLimits("ID in the path out of limits")
	case !between(ex.value("group_id"), 0, 64):
		return nil, outOfLimits("group_id out of limits")
	}
	return rt.handle(ex, body)
}

// checkHeaders holds the headers to the limits of the service's API reference.
func (ex *exchange) checkHeaders(rt route) *answer {
	h := ex.r.Header
	for _, name := range []string{"X-Auth-Token", "X-Language", "X-Time-Zone", "X-Site", "Content-Type"} {
		if len(h.Values(name)) > 1 {
			return malformed("Repeated header " + name)
		}
	}
	for _, name := range []string{"X-Language", "X-Time-Zone"} {
		if v, sent := sentHeader(h, name); sent && !between(v, 1, 32) {
			return malformed("Invalid " + name)
		}
	}
	if v, sent := sentHeader(h, "X-Site"); sent && v != "0" && v != "1" {
		return malformed("Invalid X-Site")
	}
	if contentType, sent := sentHeader(h, "Content-Type"); rt.json && (sent || !rt.untyped) && !isJSON(contentType) {
		return malformed("Invalid Content-Type")
	}
	if _, sent := sentHeader(h, "Content-Encoding"); sent {
		return malformed("Unexpected Content-Encoding")
	}
	return nil
}

func sentHeader(h http.Header, name string) (value string, sent bool) {
	v := h.Values(name)
	return strings.Join(v, ","), len(v) > 0
}

// between reports whether v has least to most characters (code points).
func between(v string, least, most int) bool {
	n := utf8.RuneCountInString(v)
	return least <= n && n <= most
}

// value is a query parameter, "" when it was not sent.
func (ex *exchange) value(name string) string {
	if v := ex.query[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}
