"""HubSpot's own properties, object by object, as far as a sold deal touches them.

Names, types and which ones the service fills are from the vendor's property reference and from public reports of
real accounts; the notation is explained in ``schema``.
"""

from __future__ import annotations

COMMON = """
hs_merged_object_ids    checks:@any  ro
hs_object_source        text         ro
hs_object_source_id     text         ro
hs_object_source_label  text         ro
hubspot_owner_id        select:@owner
"""
FREQUENCIES = (
    "weekly|biweekly|monthly|quarterly|per_six_months|annually|"
    "per_two_years|per_three_years|per_four_years|per_five_years"
)
DEALS = """
dealname                         text
amount                           number
pipeline                         select:@pipeline
dealstage                        radio:@stage
closedate                        datetime
dealtype                         radio:newbusiness|existingbusiness
deal_currency_code               select:@currency
description                      area
hs_next_step                     text
hs_priority                      select:low|medium|high
hs_is_closed                     bool        calc
hs_is_closed_won                 bool        calc
hs_is_closed_lost                bool        calc
hs_deal_stage_probability        number      calc
hs_closed_amount                 number      calc
hs_mrr                           number      calc
hs_arr                           number      calc
hs_acv                           number      calc
hs_tcv                           number      calc
hs_exchange_rate                 number      calc
amount_in_home_currency          number      calc
hs_num_of_associated_line_items  number      calc
num_associated_contacts          number      calc
hs_primary_associated_company    number      calc
hs_pinned_engagement_id          number
closed_won_reason                area
closed_lost_reason               area
"""
LINE_ITEMS = """
name                                     text
description                              area
hs_rich_text_description                 html
hs_sku                                   text
hs_product_id                            number
hs_product_type                          select:inventory|non_inventory|service
hs_url                                   text
hs_images                                area
hs_external_id                           text
hs_variant_id                            number
quantity                                 number
price                                    number
discount                                 number
hs_discount_percentage                   number
hs_line_item_currency_code               select:@currency
hs_cost_of_goods_sold                    number
tax                                      number
hs_tax_rate_group_id                     select:@any
hs_tax_category                          select:@any
hs_pricing_model                         select:flat|volume|graduated|stairstep
hs_tier_ranges                           text
hs_tier_prices                           text
recurringbillingfrequency                select:@frequency
hs_recurring_billing_period              text
hs_recurring_billing_start_date          date
hs_recurring_billing_end_date            date
hs_billing_start_delay_days              number
hs_billing_start_delay_months            number
hs_billing_start_delay_type              select:@any  calc
hs_recurring_billing_number_of_payments  number      calc
hs_recurring_billing_terms               select:FIXED|AUTOMATICALLY_RENEW  calc
hs_term_in_months                        number      calc
hs_billing_period_start_date             date        calc
hs_billing_period_end_date               date        calc
hs_billing_cycle_anchor_date             date
amount                                   number      calc
hs_pre_discount_amount                   number      calc
hs_total_discount                        number      calc
hs_effective_unit_price                  number      calc
hs_tax_amount                            number      calc
hs_post_tax_amount                       number      calc
hs_mrr                                   number      calc
hs_arr                                   number      calc
hs_acv                                   number      calc
hs_tcv                                   number      calc
hs_position_on_quote                     number
hs_bundle_id                             number
hs_group_key                             text
hs_origin_key                            text
hs_hierarchy_type                        select:@any
hs_ramp_key                              text
hs_ramp_group_name                       text
hs_ramp_phase_name                       text
hs_use_prorating                         bool
hs_prorating_leading_start_date          date
hs_prorating_leading_end_date            date
hs_prorating_trailing_start_date         date
hs_prorating_trailing_end_date           date
hs_billing_pause_mode                    select:@any
hs_milestone_billing_enabled             bool
"""
QUOTES = """
hs_title                                       text
hs_expiration_date                             datetime
hs_status  select:DRAFT|PENDING_APPROVAL|APPROVED|APPROVAL_NOT_NEEDED|REJECTED|ACCEPTED
hs_template_type                               select:CPQ_QUOTE|CUSTOMIZABLE_QUOTE_TEMPLATE|PROPOSAL|QUOTE
hs_quote_amount                                number      calc
hs_quote_number                                text
hs_currency                                    select:@currency
hs_language                                    select:@any
hs_locale                                      select:@any
hs_timezone                                    select:@any
hs_terms                                       area
hs_comments                                    area
hs_sender_email                                text
hs_sender_firstname                            text
hs_sender_lastname                             text
hs_sender_company_name                         text
hs_public_url_key                              text        ro
hs_proposal_slug                               text
hs_slug                                        text
hs_domain                                      text
hs_quote_link                                  text        ro
hs_pdf_download_link                           text        ro
hs_locked                                      bool        calc
hs_esign_enabled                               bool
hs_esign_date                                  datetime    ro
hs_esign_num_signers_required                  number      ro
hs_esign_num_signers_completed                 number      ro
hs_acceptance_method                           select:clickwrap|esignature|print_and_sign
hs_payment_enabled                             bool
hs_payment_type                                select:HUBSPOT|BYO_STRIPE
hs_payment_status                              select:PENDING|PROCESSING|PAID|PAYMENT_NOT_ENABLED  ro
hs_payment_date                                datetime    ro
hs_billing_enabled                             bool
hs_collection_process                          select:AUTO_PAYMENTS|MANUAL_PAYMENTS
hs_net_payment_terms                           number
hs_contract_effective_start_date               date
hs_contract_effective_start_date_type          select:ON_AGREEMENT|CUSTOM|DELAYED_BY_DAYS|DELAYED_BY_MONTHS
hs_contract_effective_start_delayed_by_days    number
hs_contract_effective_start_delayed_by_months  number
"""
COMPANIES = """
name                  text
domain                text
website               text
phone                 text
address               text
address2              text
city                  text
state                 text
zip                   text
country               text
industry              text
timezone              text
hs_country_code       text
lifecyclestage        select:@any
hs_parent_company_id  number      ro
"""
CONTACTS = """
email                 text        uniq
firstname             text
lastname              text
phone                 text
mobilephone           text
company               text
jobtitle              text
address               text
city                  text
state                 text
zip                   text
country               text
hs_additional_emails  text
"""
PRODUCTS = """
name                             text
description                      area
hs_sku                           text
price                            number
hs_cost_of_goods_sold            number
tax                              number
hs_active                        bool
hs_product_type                  select:inventory|non_inventory|service
recurringbillingfrequency        select:@frequency
hs_recurring_billing_period      text
hs_recurring_billing_start_date  date
hs_pricing_model                 select:flat|volume|graduated|stairstep
hs_tier_ranges                   text
hs_tier_prices                   text
hs_url                           text
hs_images                        text
"""
NOTES = """
hs_timestamp       datetime
hs_note_body       html
hs_attachment_ids  text
"""
TASKS = """
hs_timestamp      datetime
hs_task_subject   text
hs_task_body      html
hs_task_status    select:NOT_STARTED|IN_PROGRESS|WAITING|DEFERRED|COMPLETED
hs_task_priority  select:NONE|LOW|MEDIUM|HIGH
hs_task_type      select:EMAIL|CALL|TODO
"""
SUBSCRIPTIONS = """
hs_name                          text
hs_status                        select:active|past_due|canceled|expired|scheduled|paused|unpaid
hs_currency_code                 select:@currency
hs_recurring_billing_frequency   select:@frequency
hs_recurring_billing_start_date  date
hs_next_payment_due_date         date
hs_next_payment_amount           number
hs_last_payment_amount           number
hs_collection_process            select:manual_payments|automatic_payments
hs_invoice_creation              select:on|off
hs_net_payment_terms             number
hs_mrr                           number      calc
"""
CONTRACTS = """
hs_name                     text
hs_status                   select:draft|scheduled|active|paused|completed|terminated
hs_currency_code            select:@currency
hs_contract_effective_date  date
hs_start_date               date
hs_end_date                 date
hs_termination_date         date
"""
