package drift

import (
	"reflect"
	"slices"
)

// keys names the field by which server-side apply knows the items of a list.
var keys = map[string][]string{
	"containers":       {"name"},
	"initContainers":   {"name"},
	"volumes":          {"name"},
	"env":              {"name"},
	"imagePullSecrets": {"name"},
	"ports":            {"containerPort", "port"},
	"volumeMounts":     {"mountPath"},
	"volumeDevices":    {"devicePath"},
	"hostAliases":      {"ip"},
	"ownerReferences":  {"uid"},
}

// mergeKey returns the key of the list called name, when every item has it.
func mergeKey(name string, items []any) string {
	for _, key := range keys[name] {
		if !slices.ContainsFunc(items, func(i any) bool {
			m, ok := i.(map[string]any)
			return !ok || m[key] == nil
		}) {
			return key
		}
	}
	return ""
}

// same compares two leaves; numbers by value, since JSON knows one kind only.
func same(a, b any) bool {
	x, xok := number(a)
	y, yok := number(b)
	if xok && yok {
		return x == y
	}
	return reflect.DeepEqual(a, b)
}

func number(v any) (float64, bool) {
	switch r := reflect.ValueOf(v); {
	case !r.IsValid():
		return 0, false
	case r.CanInt():
		return float64(r.Int()), true
	case r.CanFloat():
		return r.Float(), true
	}
	return 0, false
}

// empty tells whether v is what the server leaves out: nothing, a zero, or a
// collection without items.
func empty(v any) bool {
	if v == nil {
		return true
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Map:
		for _, k := range r.MapKeys() {
			if !empty(r.MapIndex(k).Interface()) {
				return false
			}
		}
		return true
	case reflect.Slice:
		return r.Len() == 0
	default:
		return r.IsZero()
	}
}
