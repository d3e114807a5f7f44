package inject

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nagi.dev/internal/graft"
)

// mostReview bounds what is read of one question; a pod has at most 1.5 MB.
const mostReview = 8 << 20

// Handle adds the door's paths to mux.
func (d *Door) Handle(mux *http.ServeMux) {
	mux.HandleFunc("POST /inject", d.answer(d.inject))
	mux.HandleFunc("POST /accept", d.answer(d.accept))
}

type judge func(context.Context, *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse

func (d *Door) answer(j judge) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var review admissionv1.AdmissionReview
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostReview))
		if err == nil {
			err = json.Unmarshal(body, &review)
		}
		if err != nil || review.Request == nil {
			http.Error(w, "this is no AdmissionReview", http.StatusBadRequest)
			return
		}
		review.Response = j(r.Context(), review.Request)
		review.Response.UID, review.Request = review.Request.UID, nil
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(review); err != nil {
			d.o.Log.Debug("answer the API server", "err", err)
		}
	}
}

// inject answers what goes into a pod. It allows every pod.
func (d *Door) inject(ctx context.Context, q *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	out := &admissionv1.AdmissionResponse{Allowed: true}
	var pod corev1.Pod
	if err := json.Unmarshal(q.Object.Raw, &pod); err != nil {
		return warn(out, fmt.Sprintf("nothing is put in: read pod: %v", err))
	}
	rules, err := d.rules(ctx)
	if err != nil {
		return warn(out, fmt.Sprintf("nothing is put in: %v", err))
	}
	ops, refused := graft.Patch(&pod, q.Namespace, rules)
	if len(ops) > 0 {
		patch, err := json.Marshal(ops)
		if err != nil {
			return warn(out, fmt.Sprintf("nothing is put in: %v", err))
		}
		out.Patch, out.PatchType = patch, new(admissionv1.PatchTypeJSONPatch)
	}
	return warn(out, refused...)
}

func warn(out *admissionv1.AdmissionResponse, text ...string) *admissionv1.AdmissionResponse {
	for _, t := range text {
		out.Warnings = append(out.Warnings, "nagi: "+t)
	}
	return out
}

// accept judges an object of a kind that reaches into pods, and opens the door
// for its pods before it is stored: the first pod after it is not missed.
func (d *Door) accept(ctx context.Context, q *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	out := &admissionv1.AdmissionResponse{Allowed: true}
	for _, s := range d.o.Sources {
		if s.Kind != q.Kind.Kind {
			continue
		}
		rule, err := s.Read(q.Object.Raw)
		if err != nil {
			out.Allowed = false
			out.Result = &metav1.Status{Status: metav1.StatusFailure, Code: http.StatusUnprocessableEntity, Reason: metav1.StatusReasonInvalid, Message: err.Error()}
			return out
		}
		if q.DryRun != nil && *q.DryRun {
			return out
		}
		rule.Namespace = q.Namespace
		if err := d.keep(ctx, &rule); err != nil {
			return warn(out, fmt.Sprintf("the next pods may miss it: %v", err))
		}
	}
	return out
}

func encode(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
