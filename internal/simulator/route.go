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
	op      string // "" is a control endpoint
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

	// handle requires what a wrong request lacks, and reads every member of the body that
	// the operation knows. It returns the function that carries out the operation. Both need
	// mu.
	handle func(ex *exchange, body object) (do func() *answer)
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
	for _, rt := range slices.Concat(routes, controls) {
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

// require refuses the request unless ok. The first refusal counts. So a check may follow
// one that failed.
func (ex *exchange) require(ok bool, refusal *answer) {
	if !ok && ex.refusal == nil {
		ex.refusal = refusal
	}
}

// check refuses what is malformed on any route, and then calls the route's handle.
func (ex *exchange) check() (do func() *answer, refusal *answer) {
	rt := ex.route
	ex.checkHeaders()
	ex.require(utf8.ValidString(ex.param), malformed("Path is not valid UTF-8"))
	query, err := url.ParseQuery(ex.r.URL.RawQuery)
	ex.require(err == nil, malformed("Malformed query"))
	for name, values := range query {
		ex.require(slices.Contains(rt.query, name), malformed("Unexpected query parameter"))
		ex.require(len(values) == 1 || slices.Contains(rt.many, name), malformed("Repeated query parameter"))
		ex.require(utf8.ValidString(strings.Join(values, "")), malformed("Query is not valid UTF-8"))
	}
	ex.query = query

	var body object
	if rt.json {
		body, refusal = parseObject(ex.body)
		ex.require(refusal == nil, refusal)
	} else {
		ex.require(len(ex.body) == 0, malformed("Unexpected body"))
	}
	ex.require(between(ex.param, 0, 64), outOfLimits("ID in the path out of limits"))
	ex.require(between(ex.query.Get("group_id"), 0, 64), outOfLimits("group_id out of limits"))
	ex.objects = append(ex.objects, body)
	do = rt.handle(ex, body)
	for _, o := range ex.objects {
		ex.require(len(o) == 0, malformed("Unknown member"))
	}
	return do, ex.refusal
}

// checkHeaders holds the headers to the limits of the service's API reference.
func (ex *exchange) checkHeaders() {
	h := ex.r.Header
	for _, name := range []string{"X-Auth-Token", "X-Language", "X-Time-Zone", "X-Site", "Content-Type"} {
		ex.require(len(h.Values(name)) <= 1, malformed("Repeated header "+name))
	}
	for _, name := range []string{"X-Language", "X-Time-Zone"} {
		v, sent := sentHeader(h, name)
		ex.require(!sent || between(v, 1, 32), malformed("Invalid "+name))
	}
	site, sent := sentHeader(h, "X-Site")
	ex.require(!sent || site == "0" || site == "1", malformed("Invalid X-Site"))
	contentType, sent := sentHeader(h, "Content-Type")
	ex.require(!ex.route.json || ex.route.untyped && !sent || isJSON(contentType), malformed("Invalid Content-Type"))
	_, sent = sentHeader(h, "Content-Encoding")
	ex.require(!sent, malformed("Unexpected Content-Encoding"))
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
