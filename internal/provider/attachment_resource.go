package provider

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"
	"golang.org/x/text/unicode/norm"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
)

var (
	_ resource.ResourceWithConfigure      = (*attachmentResource)(nil)
	_ resource.ResourceWithValidateConfig = (*attachmentResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*attachmentResource)(nil)
)

func newAttachmentResource() resource.Resource { return &attachmentResource{} }

type attachmentResource struct{ provider *providerData }

type attachmentModel struct {
	Source        types.String `tfsdk:"source"`
	ContentBase64 types.String `tfsdk:"content_base64"`
	Content       types.String `tfsdk:"content"`
	Name          types.String `tfsdk:"name"`
	ID            types.String `tfsdk:"id"`
	Size          types.Int64  `tfsdk:"size"`
	ContentSHA256 types.String `tfsdk:"content_sha256"`
}

func (r *attachmentResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_attachment"
}

func (r *attachmentResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "An uploaded file that messages can attach. Creating the resource uploads the file. Put its `id` into the `accessory_ids` of a message. " +
			"Destroying the resource deletes the file from the service. A file that a message uses stays on its ticket. " +
			"If the file or its name changes, it is uploaded again.\n\n" +
			"The service limits the size and the types of files; its documentation names 2 MB a file. The provider reads the limits before the first upload of a run, " +
			"and uploads no file outside of them. If it cannot read the limits, the service decides.\n\n" +
			"A file that changes between plan and apply is not uploaded. Terraform then reports that the provider produced an inconsistent final plan " +
			"for `content_sha256`, and calls this a bug in the provider. It is not a bug: plan again.",
		Attributes: map[string]schema.Attribute{
			"source": schema.StringAttribute{
				Optional: true,
				Validators: []validator.String{
					notEmpty,
					stringvalidator.ExactlyOneOf(path.MatchRoot("source"), path.MatchRoot("content"), path.MatchRoot("content_base64")),
				},
				MarkdownDescription: "Path of the file to upload. If the file is missing after the upload, the attachment does not change, and the plan has a warning. Set exactly one of `source`, `content` and `content_base64`.",
			},
			"content": schema.StringAttribute{
				Optional: true, Validators: []validator.String{notEmpty},
				MarkdownDescription: "Text to upload. It is stored in plan and state, so put no secret in it. Use `source` for a large file.",
			},
			"content_base64": schema.StringAttribute{
				Optional: true, Validators: []validator.String{all(notEmpty, isBase64)},
				MarkdownDescription: "Bytes to upload, in base64, such as the result of `filebase64()`. They are stored in plan and state, like `content`.",
			},
			"name": schema.StringAttribute{
				Optional: true, Computed: true, Validators: []validator.String{attachmentNameCheck},
				MarkdownDescription: "Name of the file on the ticket, 1 to 512 characters, without `/` and `\\`. Its extension tells the service the file's type. " +
					"Defaults to the last element of `source`. Required without `source`.",
			},
			"id": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Attachment ID from the service, for the `accessory_ids` of a message.",
			},
			"size": schema.Int64Attribute{
				Computed:            true,
				MarkdownDescription: "Size of the file in bytes.",
			},
			"content_sha256": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "SHA-256 of the file, in hexadecimal.",
			},
		},
	}
}

var attachmentNameCheck = all(length(1, 512), noControl, noSeparator)

func (r *attachmentResource) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	r.provider = providerDataFrom(req.ProviderData)
}

func (r *attachmentResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var m attachmentModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if m.Name.IsNull() && m.Source.IsNull() && (!m.Content.IsNull() || !m.ContentBase64.IsNull()) {
		resp.Diagnostics.AddAttributeError(path.Root("name"), missingNameError,
			`An attachment without source has no name. Set name, such as "trace.txt": its extension tells the service the file's type.`)
	}
}

// ModifyPlan reads the file, so that a changed file is planned and an unusable one
// fails here. Unknown values count as changed.
func (r *attachmentResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return // to be destroyed
	}
	var m attachmentModel
	var state *attachmentModel // nil: to be created
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	m.ID, m.Size, m.ContentSHA256 = types.StringUnknown(), types.Int64Unknown(), types.StringUnknown()
	var err error
	switch {
	case !m.at().Equal(path.Empty()):
		_, err = m.load()
	case m.Name.IsNull():
		m.Name = types.StringUnknown()
	}
	switch {
	case errors.Is(err, errMissing) && state != nil && m.Source.Equal(state.Source) && m.Name.Equal(state.Name):
		// Nothing else has changed. Terraform also plans before it destroys: with an
		// error, a runner without the file could not destroy the attachment.
		resp.Diagnostics.AddAttributeWarning(path.Root("source"), missingFileWarning, fmt.Sprintf(
			"The file %q no longer exists, so the attachment stays as it was uploaded.", m.Source.ValueString()))
		resp.Diagnostics.Append(resp.Plan.Set(ctx, state)...)
		return
	case err != nil:
		resp.Diagnostics.Append(m.unusable(err))
		return
	}
	if state != nil {
		if !m.Name.Equal(state.Name) {
			resp.RequiresReplace = append(resp.RequiresReplace, path.Root("name"))
		}
		if !m.ContentSHA256.Equal(state.ContentSHA256) {
			resp.RequiresReplace = append(resp.RequiresReplace, path.Root("content_sha256"))
		}
		if len(resp.RequiresReplace) == 0 {
			m.ID = state.ID
		}
	}
	if name := m.Name.ValueString(); m.ID.IsUnknown() && known(m.Name) && !documentedTypes.TakesType(name) {
		resp.Diagnostics.AddAttributeWarning(m.nameAt(), fileTypeWarning, fmt.Sprintf(
			"The service may refuse %q: its documentation lists only these file types: %s. %s",
			name, strings.Join(documentedTypes.Types, ", "), typeAdvice(name, documentedTypes)))
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, m)...)
}

// Create reads the configuration: in the plan, the name may be unknown.
func (r *attachmentResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var m attachmentModel
	var planned types.String
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	resp.Diagnostics.Append(req.Plan.GetAttribute(ctx, path.Root("content_sha256"), &planned)...)
	attachment, err := m.load()
	if err == nil && known(planned) && attachment.SHA256 != planned.ValueString() {
		err = fmt.Errorf("has changed since the plan: its SHA-256 was %s, and is now %s. Run terraform plan again", planned.ValueString(), attachment.SHA256)
	}
	if err != nil {
		resp.Diagnostics.Append(m.unusable(err))
	}
	ctx, client := r.provider.clientFor(ctx, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(m.checkLimits(ctx, client, attachment))
	if resp.Diagnostics.HasError() {
		return
	}

	id, err := client.Upload(ctx, attachment)
	if err != nil {
		resp.Diagnostics.Append(callDiagnostic(uploadError, err))
		return
	}
	m.ID = types.StringValue(id)
	tflog.Info(ctx, "Attachment uploaded", map[string]any{"id": id, "name": attachment.Name, "size": attachment.Size})
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

// Read keeps the state: the service has no call to read an attachment.
func (r *attachmentResource) Read(context.Context, resource.ReadRequest, *resource.ReadResponse) {}

// Update records how the content is configured. ModifyPlan plans an update only if
// neither the content nor the name changes. Any other change is a replacement.
func (r *attachmentResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var m attachmentModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

// Delete succeeds where the service refuses to delete the file. A message that
// uses the file stays on its ticket, so the error would never go away. Replacing
// or destroying such an attachment is ordinary, so there is no warning either.
func (r *attachmentResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var m attachmentModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	ctx, client := r.provider.clientFor(ctx, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	err := client.DeleteAttachment(ctx, m.ID.ValueString())
	var kept *servicerequest.NotDeletedError
	switch {
	case errors.As(err, &kept):
		tflog.Info(ctx, "The service did not delete the attachment: a message or a ticket uses it, or it no longer exists", map[string]any{
			"id": m.ID.ValueString(), "name": m.Name.ValueString(), "reason": kept.Err.Error(),
		})
	case err != nil:
		resp.Diagnostics.Append(callDiagnostic(deleteError, err))
	}
}

var errMissing = errors.New("does not exist; if another resource of this apply writes it, take the path from an output of that resource, such as source = terraform_data.report.output")

// load reads the content, and sets the attributes that follow from it. A name that is not
// configured is the last element of source. The text of its error continues a sentence about
// the content: see unusable.
func (m *attachmentModel) load() (*servicerequest.Attachment, error) {
	if m.Name.IsNull() {
		name := filepath.Base(m.Source.ValueString())
		if err := attachmentNameCheck(name); err != nil {
			return nil, fmt.Errorf("has a name that cannot be used: it %w. Rename the file or set name", err)
		}
		m.Name = types.StringValue(name)
	}
	var content io.Reader
	var size int64
	switch {
	case known(m.Source):
		file, length, err := openFile(m.Source.ValueString())
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }()
		content, size = file, length
	case known(m.Content):
		text := m.Content.ValueString()
		content, size = strings.NewReader(text), int64(len(text))
	default:
		decoded, _ := base64.StdEncoding.DecodeString(m.ContentBase64.ValueString()) // checked
		content, size = bytes.NewReader(decoded), int64(len(decoded))
	}
	// An unknown name counts as the shortest one.
	a, err := servicerequest.NewAttachment(m.Name.ValueString(), size, content)
	if err != nil {
		return nil, err
	}
	m.Size, m.ContentSHA256 = types.Int64Value(a.Size), types.StringValue(a.SHA256)
	return a, nil
}

// at is the attribute that has the content. It is empty while the content is unknown.
func (m *attachmentModel) at() path.Path {
	switch {
	case known(m.Source):
		return path.Root("source")
	case known(m.Content):
		return path.Root("content")
	case known(m.ContentBase64):
		return path.Root("content_base64")
	}
	return path.Empty()
}

func known(v attr.Value) bool { return !v.IsNull() && !v.IsUnknown() }

// openFile checks the file before it opens it: opening a pipe would wait for a
// writer.
func openFile(name string) (*os.File, int64, error) {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR): // a parent may have become a file
		return nil, 0, missing(name)
	case err != nil:
		return nil, 0, fmt.Errorf("cannot be read: %w", err)
	case info.IsDir():
		return nil, 0, errors.New("is a directory")
	case !info.Mode().IsRegular():
		return nil, 0, errors.New("is not a regular file")
	}
	file, err := os.Open(name) //nolint:gosec // the user's own choice of a file
	if err != nil {
		return nil, 0, fmt.Errorf("cannot be read: %w", err)
	}
	return file, info.Size(), nil
}

// missing is errMissing, unless the folder has a file whose name looks the same: macOS and
// Linux write accents in two ways.
func missing(name string) error {
	entries, _ := os.ReadDir(filepath.Dir(name))
	for _, e := range entries {
		if norm.NFC.String(e.Name()) == norm.NFC.String(filepath.Base(name)) {
			return fmt.Errorf("%w, but its folder has a file with the same name in another Unicode form: %+q", errMissing, e.Name())
		}
	}
	return errMissing
}

// unusable is the diagnostic of content that cannot be attached.
func (m *attachmentModel) unusable(err error) diag.Diagnostic {
	at := m.at()
	what := "The value of " + at.String()
	if known(m.Source) {
		what = fmt.Sprintf("The file %q", m.Source.ValueString())
	}
	return diag.NewAttributeErrorDiagnostic(at, unusableAttachmentError, what+" "+err.Error()+". Nothing was sent.")
}

// documentedTypes are the types that the service's documentation lists. The apply
// asks the service which types it accepts.
var documentedTypes = servicerequest.AttachmentLimits{
	Types: []string{"jpg", "jpeg", "bmp", "png", "gif", "txt", "doc", "docx", "rar", "zip", "pdf", "xls", "xlsx"},
}

// typeAdvice says how to send a file of a type that the service refuses.
func typeAdvice(name string, limits servicerequest.AttachmentLimits) string {
	text, archive := limits.TakesType(name+".txt") && filepath.Ext(name) != ".txt", limits.TakesType(name+".zip") && filepath.Ext(name) != ".zip"
	rename := fmt.Sprintf("If it is a text, set name = %q.", name+".txt")
	switch {
	case text && archive:
		return rename + " Otherwise send it in a zip archive."
	case text:
		return rename
	case archive:
		return "Send it in a zip archive."
	}
	return "Send it as one of these."
}

// nameAt is the attribute that the name is from.
func (m *attachmentModel) nameAt() path.Path {
	if known(m.Source) && filepath.Base(m.Source.ValueString()) == m.Name.ValueString() {
		return path.Root("source")
	}
	return path.Root("name")
}

// checkLimits compares an attachment with those limits of the service that are
// known. About the others the service decides. It returns nil if the attachment is within.
func (m *attachmentModel) checkLimits(ctx context.Context, client *servicerequest.Client, a *servicerequest.Attachment) diag.Diagnostic {
	limits, err := client.AttachmentLimits(ctx)
	switch {
	case err != nil:
		tflog.Warn(ctx, "Attachment limits unknown, uploading without a check", map[string]any{"name": a.Name, "reason": err.Error()})
	case limits.MaxMB == 0 || limits.Types == nil:
		tflog.Warn(ctx, "Some attachment limits could not be read", map[string]any{"name": a.Name})
	}
	if !limits.TakesSize(a.Size) {
		return m.unusable(fmt.Errorf("has %d bytes, but the service accepts at most %v MB (limit_size)", a.Size, limits.MaxMB))
	}
	if !limits.TakesType(a.Name) {
		return diag.NewAttributeErrorDiagnostic(m.nameAt(), unusableAttachmentError, fmt.Sprintf(
			"The service does not accept %q. It accepts only these file types (limit_file_type): %s. %s Nothing was sent.",
			a.Name, strings.Join(limits.Types, ", "), typeAdvice(a.Name, limits)))
	}
	return nil
}
