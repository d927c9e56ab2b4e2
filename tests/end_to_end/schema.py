"""schema.py SCHEMA SOURCE_DIR FILE...: every file is valid by the schema, and none of many mistakes is.

Values are read as the core schema of YAML 1.2 has them, as editors do (1e-3 is a number, `no` a word)."""
import copy, json, re, sys
import jsonschema, yaml


class Core(yaml.SafeLoader):
    pass


Core.yaml_implicit_resolvers = {}
for tag, pattern, first in [
        ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"), ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
        ("int", r"[-+]?[0-9]+|0x[0-9a-fA-F]+", "-+0123456789"),
        ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", "-+0123456789.")]:
    Core.add_implicit_resolver("tag:yaml.org,2002:" + tag, re.compile("^(?:" + pattern + ")$"), list(first))

schema = json.load(open(sys.argv[1]))
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
failures = 0


def problems(value):
    return ["%s: %s" % ("/".join(map(str, e.absolute_path)), e.message[:200]) for e in validator.iter_errors(value)]


for path in sys.argv[2:]:
    found = problems(yaml.load(open(path), Core))
    for f in found:
        print(path, f)
    failures += len(found)

good = yaml.load("""
name: x
seed: 1
data: {format: houses, samples: 600, validation: 0.1, normalize: standard}
model:
  - flatten
  - dense: {units: 8, activation: relu, name: hidden, init: {weight: orthogonal, bias: {constant: {value: 0.1}}}, l2: 1e-4}
  - dropout:
  - dense: {units: "${model.1.dense.units}", activation: {leaky_relu: {slope: 0.2}}, inputs: hidden, l1: {weight: 1e-5}}
  - add: {inputs: [hidden, dense_1]}
loss: {huber: {delta: 0.5}}
metrics: [r2, {mean_absolute_error: {name: off}}]
optimizer: {adam: {lr: {cosine: {peak: 1e-2, warmup: 20}}, clip_norm: 1}}
train: {epochs: 3, threads: auto, stop: {monitor: val_r2}}
checkpoint: {every: 500 steps, best: val_r2}
plugins: mine
""", Core)

found = problems(good)
for f in found:
    print("good:", f)
failures += len(found)
also_good = {
    "optimizer": ["sgd", {"sgd": None}, {"sgd": {"lr": "plateau"}}, "${env:OPTIMIZER}"], "metrics": ["r2", []],
    "seed": ["${env:SEED,3}"], "plugins": [["a", "b"]], "checkpoint": [{"every": 1}, None], "base": ["other.yaml", ["a.yaml", "b.yaml"]],
    "sweep": [{"method": "random", "trials": 3, "metric": {"name": "val_loss"},
               "parameters": {"optimizer.adam.lr": {"min": 1e-5, "max": 0.1, "distribution": "log_uniform"}, "seed": {"values": [1, 2]}}}],
}
mistakes = {
    "name": [["a"]], "seed": [-1, 1.5, "one"], "data": [{"format": "hoses"}, {"samples": 3}, {"format": "houses", "smples": 3},
    {"format": "houses", "normalize": "standart"}, {"format": "csv", "validation": 0.1, "samples": 10}],
    "model": ["dense", [{"dense": {}}], ["dense"], [{"dense": {"units": 0}}], [{"dense": {"units": 8, "unit": 9}}], [{"dense": {"units": "many"}}],
              [{"dense": {"units": 8}, "relu": {}}], [{"dens": {"units": 8}}], ["relux"], [{"dropout": {"rate": 1.5}}],
              [{"dense": {"units": 8, "activation": "reluu"}}], [{"dense": {"units": 8, "init": {"weight": "he_norm"}}}],
              [{"dense": {"units": 8, "frozen": "maybe"}}], [{"max_pool2d": {"padding": "sane"}}], [{"dense": {"units": [8]}}],
              [{"dense": {"units": 8, "bias": 1}}], [{"dense": {"units": 8, "l2": "much"}}]],
    "loss": ["mse", "accuracy", {"huber": {"delta": "x"}}, ["huber"], {"mean_squared_error": {"weight": 3}}, "add"],
    "metrics": [["acuracy"], [{"accuracy": {"k": "x"}}], {"r2": 1}],
    "optimizer": ["adan", {"adam": {"beta1": 2}}, {"adam": {"lr": "fast"}}, {"adam": {"lr": -1}}, {"adam": {"lr": {"cosin": {}}}},
                  {"adam": {"lr": {"step": {}}}}, {"adam": {"momentum": 0.9}}, {"adam": {}, "sgd": {}}, {}],
    "train": [{"epoch": 3}, {"epochs": 0}, {"precision": "f16"}, {"stop": {"monitr": "x"}}, {"shuffle": "yes"}, 3],
    "checkpoint": [{"keep": 0}, {"keeps": 1}], "sweep": [{"method": "bayes", "trials": 3}, {"method": "tpe", "trails": 3}],
    "modle": [[]], "plugins": [{"a": 1}],
}
for key, values in also_good.items():
    for value in values:
        found = problems({**copy.deepcopy(good), key: value})
        for f in found:
            print("good %s: %r:" % (key, value), f)
        failures += len(found)
for key, values in mistakes.items():
    for value in values:
        if not problems({**copy.deepcopy(good), key: value}):
            print("a mistake is valid: %s: %r" % (key, value))
            failures += 1
for key in ["data", "model", "loss", "optimizer"]:
    if not problems({k: v for k, v in good.items() if k != key}):
        print("a mistake is valid: no", key)
        failures += 1
    if problems({"base": "x.yaml", **{k: v for k, v in good.items() if k != key}}):
        print("with a base, %s may be missing" % key)
        failures += 1

described = schema["definitions"]["layer-dense"]["properties"]["units"]["description"]
if "outputs" not in described:
    print("no description:", described)
    failures += 1
print("schema.py: %d files, %d mistakes" % (len(sys.argv) - 2, sum(map(len, mistakes.values())) + 4))
sys.exit(1 if failures else 0)
