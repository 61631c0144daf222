/**
 * The part of Standard Schema (https://standardschema.dev, version 1) that is used here: what zod, valibot, arktype and others give their schemas
 * in common. Types only.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | {
      readonly issues: ReadonlyArray<{
        readonly message: string;
        readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined;
      }>;
    };

type TypesOf<S extends StandardSchema> = NonNullable<S['~standard']['types']>;

/** What a schema takes. */
export type InputOf<S extends StandardSchema> = TypesOf<S>['input'];
/** What a schema makes of it. */
export type OutputOf<S extends StandardSchema> = TypesOf<S>['output'];
