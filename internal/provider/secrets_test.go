package provider

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// secretToken is a token for this test. It has characters that URLs and JSON escape.
const secretToken = "MII/secret+token==7f3a&<0001>"

// leaks reports where a run of the CLI has left a secret: in its output or in a file,
// including those inside a zip archive (a saved plan).
func leaks(t *testing.T, c *cli, outputs []string, secrets []string) []string {
	t.Helper()
	texts := map[string][]byte{}
	for i, output := range outputs {
		texts[fmt.Sprintf("output %d", i)] = []byte(output)
	}
	err := filepath.WalkDir(c.dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || filepath.Ext(name) == ".tf" {
			return err
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		texts[name] = content
		archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
		if err != nil {
			return nil //nolint:nilerr // it is none
		}
		for _, f := range archive.File {
			r, err := f.Open()
			if err != nil {
				return err
			}
			if texts[name+"/"+f.Name], err = io.ReadAll(r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for name, text := range texts {
		for _, secret := range secrets {
			escaped, err := json.Marshal(secret)
			if err != nil {
				t.Fatal(err)
			}
			for form, value := range map[string]string{
				"plain": secret, "in JSON": strings.Trim(fmt.Sprintf("%q", secret), `"`),
				"base64": base64.StdEncoding.EncodeToString([]byte(secret)), "base64url": base64.URLEncoding.EncodeToString([]byte(secret)),
				"in escaped JSON": strings.Trim(string(escaped), `"`),
				"in a query":      url.QueryEscape(secret), "in a path": url.PathEscape(secret),
			} {
				value = strings.TrimRight(value, "=")
				if bytes.Contains(text, []byte(value)) {
					found = append(found, fmt.Sprintf("%s has %s (%s)", name, secret, form))
				}
			}
		}
	}
	return found
}

// echo is a service and an IAM whose errors repeat everything that was sent to them.
func echo(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := http.StatusForbidden
		sent := r.Header.Get("X-Auth-Token") + " " + r.Header.Get("X-Security-Token")
		if r.URL.Path == "/v3/auth/tokens" {
			body, _ := io.ReadAll(r.Body)
			status, sent = http.StatusUnauthorized, string(body)
		}
		w.Header().Set("X-Request-Id", r.Header.Get("X-Auth-Token"))
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "you sent: %s", sent)
	}))
	t.Cleanup(server.Close)
	return server
}

func TestNoSecretIsLeftBehind(t *testing.T) {
	t.Parallel()
	modes := []struct {
		name      string
		variables []string // as the environment has them
		arguments string   // as the provider block has them, from variables
		secrets   []string
	}{
		{"token", []string{"SERVICEREQUEST_TOKEN=" + secretToken}, "token = var.a", []string{secretToken}},
		{
			"pair",
			[]string{"HW_ACCESS_KEY=" + tempPair.AccessKey, "HW_SECRET_KEY=" + tempPair.SecretKey, "HW_SECURITY_TOKEN=" + tempPair.SecurityToken, "HW_DOMAIN_ID=domain-1"},
			"access_key = var.a\nsecret_key = var.b\nsecurity_token = var.c\ndomain_id = var.d",
			[]string{tempPair.SecretKey, tempPair.SecurityToken},
		},
		{
			"login",
			[]string{"HW_USER_NAME=deployer", "HW_USER_PASSWORD=" + testUser.Password, "HW_DOMAIN_NAME=account-1", "HW_AUTH_URL="},
			"user_name = var.a\npassword = var.b\ndomain_name = var.c\nauth_url = var.d",
			[]string{testUser.Password},
		},
	}
	for _, mode := range modes {
		for _, given := range []string{"environment", "ephemeral", "plain"} {
			if given == "plain" && mode.name != "token" {
				continue // it is there to see that the search finds what is there
			}
			t.Run(mode.name+" by "+given, func(t *testing.T) {
				t.Parallel()
				if given == "ephemeral" {
					needCLI(t, 10, 11, "ephemeral variables")
				}
				f := newSecuredFixture(t, simulator.Options{Tokens: []string{secretToken}})
				variables := append([]string{}, mode.variables...)
				if mode.name == "login" {
					variables[3] = "HW_AUTH_URL=" + f.URL()
				}
				config, arguments := requiredProvider, ""
				if given != "environment" {
					arguments = mode.arguments
					for i, name := range []string{"a", "b", "c", "d"}[:len(variables)] {
						_, value, _ := strings.Cut(variables[i], "=")
						variables[i] = "TF_VAR_" + name + "=" + value
						config += fmt.Sprintf("variable %q {\n  type = string\n  sensitive = true\n  %s\n}\n", name, map[string]string{"ephemeral": "ephemeral = true"}[given])
					}
				}
				config += "provider \"servicerequest\" {\n" + arguments + "\n}\n" + oneMessage
				c := newCLI(t, map[string]string{"main.tf": config}, append(variables, "SERVICEREQUEST_ENDPOINT="+f.URL(), "TF_LOG=TRACE")...)

				var outputs []string
				ran := func(r result) { outputs = append(outputs, r.stdout, r.stderr) }
				ran(c.run("plan", "-out=plan"))
				ran(c.run("show", "-json", "plan"))
				if given == "plain" {
					if len(leaks(t, c, outputs, mode.secrets)) == 0 {
						t.Fatal("the search does not find what a saved plan has of a plain variable")
					}
					return
				}
				ran(c.run("apply", "plan"))
				ran(c.run("show", "-json"))
				wantAll(t, outputs[len(outputs)-2], `"confirmed_by":"response"`)

				// Failures: refused by the service, and by echo.
				f.SetFaults(simulator.Fault{Kind: "403"})
				ran(c.fail("apply", "-auto-approve", "-replace=servicerequest_case_message.test"))
				echoed := []string{"SERVICEREQUEST_ENDPOINT=" + echo(t).URL}
				if mode.name == "login" {
					echoed = append(echoed, "HW_AUTH_URL="+echo(t).URL, "TF_VAR_d="+echo(t).URL)
				}
				for _, variable := range echoed {
					c.env = append(c.env, variable)
					r := c.fail("apply", "-auto-approve")
					wantAll(t, r.output(), "you sent: ", "***")
					ran(r)
				}
				c.env = append(c.env, variables...)
				c.env = append(c.env, "SERVICEREQUEST_ENDPOINT="+f.URL())
				f.SetFaults()
				ran(c.run("apply", "-auto-approve"))
				ran(c.run("destroy", "-auto-approve"))

				secrets := append([]string{"MIIsimulated-"}, mode.secrets...) // all of IAM's tokens begin so
				for _, r := range f.Requests() {
					if token := headerOf(r, "X-Auth-Token"); token != "" {
						secrets = append(secrets, token)
					}
					if _, signature, signed := strings.Cut(headerOf(r, "Authorization"), "Signature="); signed {
						secrets = append(secrets, signature)
					}
				}
				if log := strings.Join(outputs, ""); !strings.Contains(log, "[TRACE]") || !strings.Contains(log, "provider.terraform-provider-servicerequest") {
					t.Error("the logs are not those of the provider at TRACE")
				}
				for _, leak := range leaks(t, c, outputs, secrets) {
					t.Error(leak)
				}
			})
		}
	}
}
