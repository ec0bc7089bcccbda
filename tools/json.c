// SPDX-License-Identifier: MIT
/*
 * JSON by json-c. Running out of memory ends the program here, so that nobody
 * prints half an answer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "ctl.h"

static struct json_object *some(struct json_object *object)
{
	if (object)
		return object;
	ctl_say("no memory");
	exit(CTL_ERROR);
}

static void add(struct json_object *object, const char *key,
		struct json_object *value)
{
	if (json_object_object_add(object, key, some(value)))
		some(NULL);
}

struct json_object *ctl_json_new(void)
{
	return some(json_object_new_object());
}

struct json_object *ctl_json_array(void)
{
	return some(json_object_new_array());
}

/* A new object at the end of @array. */
struct json_object *ctl_json_push(struct json_object *array)
{
	struct json_object *object = ctl_json_new();

	if (json_object_array_add(array, object))
		some(NULL);
	return object;
}

/* A new object as member @key of @object. */
struct json_object *ctl_json_in(struct json_object *object, const char *key)
{
	struct json_object *inner = ctl_json_new();

	add(object, key, inner);
	return inner;
}

/* A new array as member @key of @object. */
struct json_object *ctl_json_list(struct json_object *object, const char *key)
{
	struct json_object *array = ctl_json_array();

	add(object, key, array);
	return array;
}

void ctl_json_text(struct json_object *object, const char *key,
		   const char *text)
{
	add(object, key, json_object_new_string(text));
}

void ctl_json_number(struct json_object *object, const char *key,
		     uint64_t value)
{
	add(object, key, json_object_new_uint64(value));
}

void ctl_json_null(struct json_object *object, const char *key)
{
	if (json_object_object_add(object, key, NULL))
		some(NULL);
}

void ctl_json_flag(struct json_object *object, const char *key, bool value)
{
	add(object, key, json_object_new_boolean(value));
}

/* @text at the end of the array that is member @key, made if need be. */
void ctl_json_item(struct json_object *object, const char *key,
		   const char *text)
{
	struct json_object *array;

	if (!json_object_object_get_ex(object, key, &array)) {
		array = ctl_json_array();
		add(object, key, array);
	}
	if (text && json_object_array_add(array,
					  some(json_object_new_string(text))))
		some(NULL);
}

/* How it ended: @err is 0 or negative errno. */
void ctl_json_error(struct json_object *object, int err)
{
	const char *name = err ? strerrorname_np(-err) : NULL;

	if (err)
		ctl_json_text(object, "error", name ? name : "");
	ctl_json_number(object, "status", ctl_status_of(err));
}

/* Print and free it; as one line, or indented. */
void ctl_json_print(struct json_object *object, bool line)
{
	int how = JSON_C_TO_STRING_NOSLASHESCAPE;

	how |= line ? JSON_C_TO_STRING_PLAIN :
		      JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED;
	puts(json_object_to_json_string_ext(object, how));
	json_object_put(object);
}
