/* SPDX-License-Identifier: MIT */
/* Conversion of arguments and results, and the module's exports. */
#include "ringlab.h"
#include <stdio.h>

/* Throws a TypeError for the argument; returns false. */
static bool refuse(napi_env env, const char *name, const char *expected)
{
	char message[160];
	snprintf(message, sizeof(message), "%s: expected %s", name, expected);
	napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", message);
	return false;
}

bool take_args(napi_env env, napi_callback_info info, size_t count, napi_value *values)
{
	size_t passed = count;
	char counts[48];
	if (napi_get_cb_info(env, info, &passed, values, NULL, NULL) != napi_ok)
		return false;
	snprintf(counts, sizeof(counts), "%zu, got %zu", count, passed);
	return passed >= count || refuse(env, "arguments", counts);
}

bool take_i64(napi_env env, napi_value value, const char *name, int64_t *out)
{
	bool lossless;
	if (napi_get_value_int64(env, value, out) == napi_ok)
		return true;
	if (napi_get_value_bigint_int64(env, value, out, &lossless) == napi_ok)
		return true;
	return refuse(env, name, "an integer");
}

bool take_u32(napi_env env, napi_value value, const char *name, uint32_t *out)
{
	int64_t wide;
	if (!take_i64(env, value, name, &wide))
		return false;
	if (wide < 0 || wide > UINT32_MAX)
		return refuse(env, name, "an integer from 0 to 4294967295");
	*out = (uint32_t)wide;
	return true;
}

/* Takes an ArrayBuffer, a Uint8Array or a DataView; null and undefined give a null pointer and length 0. */
bool take_bytes(napi_env env, napi_value value, const char *name, void **data, size_t *length)
{
	napi_valuetype type;
	bool matches;
	*data = NULL;
	*length = 0;
	if (napi_typeof(env, value, &type) == napi_ok && (type == napi_null || type == napi_undefined))
		return true;
	if (napi_is_arraybuffer(env, value, &matches) == napi_ok && matches)
		return napi_get_arraybuffer_info(env, value, data, length) == napi_ok;
	if (napi_is_dataview(env, value, &matches) == napi_ok && matches)
		return napi_get_dataview_info(env, value, length, data, NULL, NULL) == napi_ok;
	if (napi_is_typedarray(env, value, &matches) == napi_ok && matches) {
		napi_typedarray_type kind;
		if (napi_get_typedarray_info(env, value, &kind, length, data, NULL, NULL) != napi_ok)
			return false;
		if (kind == napi_uint8_array)
			return true;
	}
	return refuse(env, name, "an ArrayBuffer, a Uint8Array, a DataView or null");
}

bool take_handle(napi_env env, napi_value value, const napi_type_tag *tag, const char *name, void **out)
{
	bool matches = false;
	napi_valuetype type;
	if (napi_typeof(env, value, &type) != napi_ok || type != napi_external)
		return refuse(env, name, "a handle of this addon");
	if (napi_check_object_type_tag(env, value, tag, &matches) != napi_ok || !matches)
		return refuse(env, name, "a handle of the right kind");
	return napi_get_value_external(env, value, out) == napi_ok;
}

napi_value make_handle(napi_env env, void *data, const napi_type_tag *tag, napi_finalize finalize)
{
	napi_value handle;
	if (napi_create_external(env, data, finalize, NULL, &handle) != napi_ok)
		return NULL;
	return napi_type_tag_object(env, handle, tag) == napi_ok ? handle : NULL;
}

napi_value make_number(napi_env env, int64_t value)
{
	napi_value number = NULL;
	napi_create_int64(env, value, &number);
	return number;
}

void set_number(napi_env env, napi_value object, const char *name, int64_t value)
{
	napi_set_named_property(env, object, name, make_number(env, value));
}

void export_function(napi_env env, napi_value exports, const char *name, napi_callback function)
{
	napi_value value;
	if (napi_create_function(env, name, NAPI_AUTO_LENGTH, function, NULL, &value) == napi_ok)
		napi_set_named_property(env, exports, name, value);
}

NAPI_MODULE_INIT()
{
	export_memory(env, exports);
	export_ring(env, exports);
	export_queue(env, exports);
	export_thread(env, exports);
	export_child(env, exports);
	export_measure(env, exports);
	export_drive(env, exports);
	export_scatter(env, exports);
	export_script(env, exports);
	export_flip(env, exports);
	return exports;
}
