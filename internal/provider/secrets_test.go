package provider

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// secretToken is a token for this test. It has characters that URLs and JSON escape.
const secretToken = "MII/secret+token==7f3a&<0001>"

// leaks reports where a run of the CLI has left a secret: in its output or in a file,
// including those inside a zip archive (a saved plan).
func leaks(t *testing.T, c *cli, outputs []string, secrets []string) (found []string) {
	t.Helper()
	search := func(where, text string) {
		for _, secret := range secrets {
			for form, value := range map[string]string{
				"plain": secret, "in JSON": strings.Trim(fmt.Sprintf("%q", secret), `"`),
				"base64": base64.StdEncoding.EncodeToString([]byte(secret)), "base64url": base64.URLEncoding.EncodeToString([]byte(secret)),
				"in escaped JSON": strings.Trim(string(must(json.Marshal(secret))), `"`),
				"in a query":      url.QueryEscape(secret), "in a path": url.PathEscape(secret),
			} {
				if strings.Contains(text, strings.TrimRight(value, "=")) {
					found = append(found, fmt.Sprintf("%s has %s (%s)", where, secret, form))
				}
			}
		}
	}
	var searchFiles func(fs.FS) error
	searchFiles = func(files fs.FS) error {
		return fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			content, err := fs.ReadFile(files, name)
			search(name, string(content))
			if archive, notOne := zip.NewReader(bytes.NewReader(content), int64(len(content))); notOne == nil {
				err = errors.Join(err, searchFiles(archive))
			}
			return err
		})
	}
	search("the output", strings.Join(outputs, "\n"))
	if err := searchFiles(os.DirFS(c.dir)); err != nil {
		t.Fatal(err)
	}
	return found
}

// echo is a service and issuers whose errors repeat everything that was sent to them.
func echo(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut { // a token of the metadata
			_, _ = io.WriteString(w, "simulated-metadata-token-0")
			return
		}
		body, _ := io.ReadAll(r.Body)
		text := "you sent: " + r.Header.Get("X-Auth-Token") + " " + r.Header.Get("X-Security-Token")
		if !strings.Contains(r.URL.Path, "/cases/") { // of an issuer, only the message is shown
			message := must(json.Marshal("you sent: " + string(body) + r.Header.Get("Authorization") + r.Header.Get("X-Metadata-Token")))
			text = `{"error_code":"X.1","error_msg":` + string(message) + `}`
		}
		w.Header().Set("X-Request-Id", r.Header.Get("X-Auth-Token"))
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(server.Close)
	return server
}

func TestNoSecretIsLeftBehind(t *testing.T) {
	t.Parallel()
	const (
		// Its claims are {"aud":"huaweicloud","exp":4000000000}.
		idToken = "eyJhbGciOiJIUzI1NiJ9.eyJhdWQiOiJodWF3ZWljbG91ZCIsImV4cCI6NDAwMDAwMDAwMH0.c2VjcmV0LXNpZ25hdHVyZQ"
		profile = `{"authEncrypt":"false","profiles":[{"name":"ops","mode":"SSO","domainId":%q,"ssoAuth":{"stsToken":{"accessKeyId":%q,"secretAccessKey":%q,"securityToken":%q}}}]}`
	)
	oidc := values{"HUAWEICLOUD_OIDC_PROVIDER_URN": providerURN, "HUAWEICLOUD_OIDC_AGENCY_URN": agencyURN, "HUAWEICLOUD_SDK_STS_ENDPOINT": "URL"}
	for _, mode := range []struct {
		name      string
		variables values // as the environment has them
		secrets   []string
	}{
		{"token", values{"SERVICEREQUEST_TOKEN": secretToken}, []string{secretToken}},
		{
			"pair",
			values{"HW_ACCESS_KEY": tempPair.AccessKey, "HW_SECRET_KEY": tempPair.SecretKey, "HW_SECURITY_TOKEN": tempPair.SecurityToken, "HW_DOMAIN_ID": tempPair.DomainID},
			[]string{tempPair.SecretKey, tempPair.SecurityToken},
		},
		{
			"profile",
			values{"HW_PROFILE": "ops", "HW_SHARED_CONFIG_FILE": writeFile(t, t.TempDir(), "config.json",
				fmt.Sprintf(profile, tempPair.DomainID, tempPair.AccessKey, tempPair.SecretKey, tempPair.SecurityToken))},
			[]string{tempPair.SecretKey, tempPair.SecurityToken},
		},
		{
			"login",
			values{"HW_USER_NAME": testUser.Name, "HW_USER_PASSWORD": testUser.Password, "HW_DOMAIN_NAME": testUser.Domain, "HW_AUTH_URL": "URL"},
			[]string{testUser.Password},
		},
		{"OIDC", merged(oidc, values{"HUAWEICLOUD_OIDC_ID_TOKEN": idToken}), []string{idToken}},
		{"OIDC from a file", merged(oidc, values{"HUAWEICLOUD_OIDC_TOKEN_FILE": writeFile(t, t.TempDir(), "file", idToken)}), []string{idToken}},
		{
			"OIDC from GitHub, with an agency",
			merged(oidc, values{"ACTIONS_ID_TOKEN_REQUEST_URL": "URL" + simulator.IDTokenRequestPath + "?api-version=2.0", "SERVICEREQUEST_OIDC_AUDIENCE": guideAudience, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": requestToken,
				"HW_ASSUME_ROLE_AGENCY_NAME": guideAgency, "HW_ASSUME_ROLE_DOMAIN_NAME": "account", "HW_AUTH_URL": "URL"}),
			[]string{requestToken, "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9"},
		},
		{"pod identity", values{"HC_CONTAINER_CREDENTIALS_FULL_URI": "URL" + simulator.PodCredentialsPath, "HC_CONTAINER_AUTHORIZATION_TOKEN_FILE": writeFile(t, t.TempDir(), "file", podToken)}, []string{podToken}},
		{"ECS agency", values{"SERVICEREQUEST_ECS_AGENCY": "true", "SERVICEREQUEST_METADATA_ENDPOINT": "URL", "HW_AUTH_URL": "URL"}, []string{"simulated-metadata-token"}},
	} {
		t.Run(mode.name, func(t *testing.T) {
			t.Parallel()
			f := newSecuredFixture(t, simulator.Options{Tokens: []string{secretToken}})
			c := newCLI(t, map[string]string{"main.tf": requiredProvider + oneMessage}, "TF_LOG=TRACE")
			at := func(url string) { // the service and IAM
				c.env = append(c.env, "SERVICEREQUEST_ENDPOINT="+url)
				for name, value := range mode.variables {
					c.env = append(c.env, name+"="+strings.Replace(value, "URL", url, 1))
				}
			}
			at(f.URL())
			var outputs []string
			ran := func(r result) string {
				outputs = append(outputs, r.stdout, r.stderr)
				return r.output()
			}
			ran(c.run("plan", "-out=plan"))
			f.wantPosts(t, 0, 0)
			ran(c.run("show", "-json", "plan"))
			ran(c.run("apply", "plan"))
			at(echo(t).URL)
			wantAll(t, ran(c.fail("apply", "-auto-approve", "-replace="+messageAddress)), "you sent: ", "***")

			// All that the simulator issues begins so.
			secrets := append([]string{"MIIsimulated-", "simulated-secret-", "simulated/security+token"}, mode.secrets...)
			for _, r := range f.Requests() {
				if token := headerOf(r, "X-Auth-Token"); token != "" {
					secrets = append(secrets, token)
				}
				if _, signature, signed := strings.Cut(headerOf(r, "Authorization"), "Signature="); signed {
					secrets = append(secrets, signature)
				}
			}
			wantAll(t, strings.Join(outputs, ""), "[TRACE]", "provider.terraform-provider-servicerequest")
			for _, leak := range leaks(t, c, outputs, secrets) {
				t.Error(leak)
			}
			f.wantContents(t, "hello")
		})
	}
}

// A saved plan has a variable, unless it is ephemeral. So the search finds what is
// there.
func TestVariablesInASavedPlan(t *testing.T) {
	t.Parallel()
	for _, ephemeral := range []bool{false, true} {
		if ephemeral {
			needCLI(t, 10, 11, "ephemeral variables")
		}
		f := newSecuredFixture(t, simulator.Options{Tokens: []string{secretToken}})
		c := newCLI(t, map[string]string{"main.tf": requiredProvider + strings.Replace(f.config(oneMessage), `"`+testToken+`"`, "var.token", 1) +
			map[bool]string{false: "variable \"token\" {\n  sensitive = true\n}\n", true: "variable \"token\" {\n  ephemeral = true\n}\n"}[ephemeral]}, "TF_VAR_token="+secretToken, "TF_LOG=TRACE")
		r := c.run("plan", "-out=plan")
		if found := leaks(t, c, []string{r.stdout, r.stderr}, []string{secretToken}); len(found) == 0 != ephemeral {
			t.Errorf("ephemeral is %t: %q", ephemeral, found)
		}
	}
}
