"use strict";

hear({ call: ({ method, path, params }) => call(method, path, params) });
tell("ready");
